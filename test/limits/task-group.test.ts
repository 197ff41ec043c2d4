import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { TaskGroup } from "../../src/limits/index.ts";

/** Ends when its signal fires, with that signal's reason. */
function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

describe("TaskGroup", () => {
  it("runs no more tasks at a time than it may", async () => {
    const group = new TaskGroup(3, new AbortController().signal);
    let running = 0;
    let most = 0;

    for (let n = 0; n < 20; n++) {
      await group.start(async () => {
        running += 1;
        most = Math.max(most, running);
        await turn();
        running -= 1;
      });
    }
    await group.settle();

    assert.equal(most, 3);
    assert.equal(running, 0);
  });

  it("fails with the first failure, after the others were cancelled with it", async () => {
    const group = new TaskGroup(3, new AbortController().signal);
    const seen: unknown[] = [];
    await group.start((signal) => untilStopped(signal).catch((error: unknown) => void seen.push(error)));
    const failure = new Error("disk full");

    await group.start(() => Promise.reject(failure));

    await assert.rejects(group.settle(), failure);
    assert.deepEqual(seen, [failure]);
    await assert.rejects(
      group.start(async () => {}),
      failure,
    );
  });

  it("ends with the reason of the signal that it was given, fired before or later", async () => {
    const reason = new Error("the step was stopped");
    const stop = new AbortController();
    const group = new TaskGroup(3, stop.signal);
    await group.start(untilStopped);

    stop.abort(reason);

    await assert.rejects(group.settle(), reason);
    const late = new TaskGroup(3, stop.signal);
    assert.equal(late.signal.aborted, true);
    await assert.rejects(
      late.start(async () => assert.fail("it must not start")),
      reason,
    );
  });

  it("leaves nothing with a signal that lives on", async () => {
    const { signal } = new AbortController();

    for (let n = 0; n < 10; n++) {
      const group = new TaskGroup(2, signal);
      await group.start(turn as () => Promise<void>);
      await (n % 2 === 0 ? group.settle() : group.cancel(new Error("enough")));
    }

    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});
