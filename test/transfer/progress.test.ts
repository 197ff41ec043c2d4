import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TransferSession } from "../../src/transfer/index.ts";

describe("R14: the progress of a transfer of many files", () => {
  it("is a line in the log at intervals, with what is done, until the transfer ends", async (t) => {
    const lines: (readonly [object, string])[] = [];
    let heard = () => {};
    const log = {
      debug() {},
      info(fields: object, message: string) {
        lines.push([fields, message]);
        heard();
      },
    };
    const retry = { attempts: 1, durationMs: 1, factor: 1, jitter: 0 };
    const session = new TransferSession({ retry, memoryBytes: 1024 }, 1);
    const progress = session.channel("store", log).progress("Saving artifact", "run-7/out");
    t.after(() => progress[Symbol.dispose]());
    // The interval's own timer does not keep the process alive.
    const alive = setTimeout(() => {}, 10_000);

    progress.noteFile(10);
    progress.noteFile(32);
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
    clearTimeout(alive);
    progress[Symbol.dispose]();
    const count = lines.length;
    await new Promise((resolve) => setTimeout(resolve, 10));

    const fields = { key: "run-7/out", files: 2, bytes: 42, seconds: 0 };
    assert.deepEqual(lines[0], [fields, "Saving artifact"]);
    assert.equal(lines.length, count);
  });
});
