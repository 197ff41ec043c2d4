import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { snapshotFile } from "../../src/archive/snapshot-file.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { CallPace } from "../../src/limits/index.ts";
import { makeFolder } from "./places.ts";

function busyForMs(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {}
}

describe("small files", () => {
  it("are read at once until the volume turns out to be slow, with the same result", async (t) => {
    const folder = await makeFolder(t);
    const path = join(folder, "f");
    await writeFile(path, "content");
    const quick = new CallPace();
    const slow = new CallPace();

    quick.measure(() => busyForMs(20));
    for (let call = 0; call < 10; call++) slow.measure(() => busyForMs(1));

    assert.ok(quick.isQuick, "one pause is no slow volume");
    assert.ok(!slow.isQuick);
    for (const pace of [quick, slow]) {
      assert.equal(String((await snapshotFile(path, pace)).content), "content");
      await assert.rejects(snapshotFile("/dev/null", pace), (error) => isExecutorError(error, "Conflict"));
    }
    busyForMs(110);
    assert.ok(slow.isQuick, "a slow moment has an end: one file is tried again");
  });
});
