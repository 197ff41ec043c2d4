import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { ByteBudget } from "../../src/limits/index.ts";

describe("ByteBudget", () => {
  it("lets nobody who comes later past somebody who waits", async () => {
    const budget = new ByteBudget(10);
    const { signal } = new AbortController();
    const order: string[] = [];
    const giveBack = await budget.acquire(8, signal);
    const large = budget.acquire(9, signal).then((release) => {
      order.push("large");
      release();
    });

    assert.equal(budget.tryAcquire(1), undefined);
    const small = budget.acquire(1, signal).then(() => order.push("small"));
    giveBack();
    await Promise.all([large, small]);

    assert.deepEqual(order, ["large", "small"]);
  });

  it("has one listener on the signal of a hundred who wait, all of whom leave when it fires", async () => {
    const budget = new ByteBudget(10);
    const stop = new AbortController();
    const reason = new Error("the step was stopped");
    const other = new AbortController().signal;
    const giveBack = await budget.acquire(10, other);
    const waiting = Array.from({ length: 100 }, () => budget.acquire(10, stop.signal));
    const patient = budget.acquire(10, other);

    assert.equal(getEventListeners(stop.signal, "abort").length, 1);
    stop.abort(reason);

    for (const outcome of await Promise.allSettled(waiting)) {
      assert.deepEqual(outcome, { status: "rejected", reason });
    }
    giveBack();
    (await patient)();
    assert.equal(budget.freeBytes, 10);
    await assert.rejects(budget.acquire(1, stop.signal), reason);
  });
});
