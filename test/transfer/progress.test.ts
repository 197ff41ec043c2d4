import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { TransferSession } from "../../src/transfer/index.ts";

type Line = readonly [object, string];

/** A transfer whose log is written every millisecond. */
function start(t: TestContext, key: string, totalBytes?: number) {
  const lines: Line[] = [];
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
  const progress = session.channel("store", log).progress("Saving artifact", key, totalBytes);
  t.after(() => progress[Symbol.dispose]());
  const nextLine = async (): Promise<Line | undefined> => {
    // The interval's own timer does not keep the process alive.
    const alive = setTimeout(() => {}, 10_000);
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
    clearTimeout(alive);
    return lines.at(-1);
  };
  return { progress, lines, nextLine };
}

describe("R14: the progress of a transfer", () => {
  it("of many files is a line in the log at intervals, with what is done, until it ends", async (t) => {
    const { progress, lines, nextLine } = start(t, "run-7/out");

    progress.noteFile(10);
    progress.noteFile(32);
    const line = await nextLine();
    progress[Symbol.dispose]();
    const count = lines.length;
    // Another one of the same interval: by its third line the first would have had its turn.
    const other = start(t, "run-8/out");
    other.progress.noteFile(1);
    for (let more = 0; more < 3; more++) await other.nextLine();

    const fields = { key: "run-7/out", files: 2, bytes: 42, seconds: 0 };
    assert.deepEqual(line, [fields, "Saving artifact"]);
    assert.equal(lines.length, count);
  });

  it("of one large object tells its bytes, of how many", async (t) => {
    const { progress, nextLine } = start(t, "run-7/model", 100);

    progress.noteBytes(40);

    const fields = { key: "run-7/model", bytes: 40, totalBytes: 100, seconds: 0 };
    assert.deepEqual(await nextLine(), [fields, "Saving artifact"]);
  });
});
