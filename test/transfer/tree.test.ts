import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { startS3 } from "../drivers/s3-location.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";

const run = promisify(execFile);
const probe = join(import.meta.dirname, "tree-probe.ts");
const onlyOnLinux = process.platform === "linux" ? false : "anonymous memory is read from /proc";

describe("R14: a directory of many small files", () => {
  it("is there in full, and needs no more memory than one of less than half of them", {
    skip: onlyOnLinux,
  }, async (t) => {
    const { server } = await startS3(t);
    const store = async (count: number) => {
      const args = ["--max-semi-space-size=1", probe, server.endpoint, `${count}`, await temporaryFolder(t)];
      const { stdout } = await run(process.execPath, args);
      const [peak = 0, right = 0] = stdout.split(" ").map(Number);
      return { peak, right };
    };

    // By then the heap has grown to what it takes.
    const few = await store(2500);
    const many = await store(6000);

    assert.deepEqual([few.right, many.right], [2500, 6000]);
    t.diagnostic(`peaks of anonymous memory: ${few.peak}, ${many.peak} MiB`);
    assert.ok(many.peak < 128 && many.peak - few.peak < 32, `${few.peak}, ${many.peak} MiB`);
  });
});
