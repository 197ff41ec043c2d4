import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { ExecutorError } from "../../src/errors/index.ts";
import { Lane } from "../../src/limits/index.ts";

const signal = new AbortController().signal;

describe("Lane", () => {
  it("never has more requests in flight than its limit", async () => {
    const lane = new Lane({ start: 3, max: 3 });
    let inFlight = 0;
    let most = 0;
    const request = async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await turn();
      inFlight -= 1;
    };

    await Promise.all(Array.from({ length: 50 }, () => lane.run(0, request, signal)));

    assert.equal(most, 3);
  });

  it("widens while that brings more", async () => {
    const lane = new Lane({ start: 2, max: 64 });
    // A store whose answers take time and that serves any number at once: each place more is throughput more.
    const request = () => sleep(10);

    await Promise.all(Array.from({ length: 400 }, () => lane.run(0, request, signal)));

    assert.ok(lane.limit >= 6, `limit ${lane.limit}`);
  });

  it("halves once for a burst of refusals", async () => {
    const lane = new Lane({ start: 16, max: 64 });
    const refuse = async () => {
      await turn();
      throw new ExecutorError("Transient", "SlowDown");
    };

    await Promise.allSettled(Array.from({ length: 16 }, () => lane.run(0, refuse, signal)));

    assert.equal(lane.limit, 8);
  });

  it("lets a request leave the queue when it is cancelled", async () => {
    const lane = new Lane({ start: 1, max: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = lane.run(0, () => promise, signal);
    const stop = new AbortController();
    const second = lane.run(0, async () => "ran", stop.signal);

    stop.abort(new ExecutorError("Cancelled", "stop"));

    await assert.rejects(second, /stop/);
    resolve();
    await first;
    assert.equal(await lane.run(0, async () => "third", signal), "third");
  });
});
