import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ExecutorError } from "../../src/errors/index.ts";
import {
  exponential,
  longestPauseMs,
  noRetries,
  parseRetryAfter,
  RetryBudget,
  retry,
  withQuickTries,
} from "../../src/retry/index.ts";

const signal = new AbortController().signal;
const transient = () => new ExecutorError("Transient", "busy");
const policy = exponential({ attempts: 4, durationMs: 1, factor: 2, jitter: 0.5 });

/** Fails so many times, then succeeds. */
function failing(times: number, error: () => Error = transient) {
  let tries = 0;
  return async () => {
    tries += 1;
    if (tries <= times) throw error();
    return tries;
  };
}

describe("retry", () => {
  it("tries again while the error is transient", async () => {
    assert.equal(await retry(policy, failing(3), signal), 4);
  });

  it("throws the last error when the policy is used up", async () => {
    await assert.rejects(retry(policy, failing(4), signal), /busy/);
  });

  it("does not repeat what will not pass", async () => {
    const attempt = failing(1, () => new ExecutorError("Forbidden", "no"));

    await assert.rejects(retry(policy, attempt, signal), /no/);
    assert.equal(await attempt(), 2);
  });

  it("waits at least as long as the server asks", async () => {
    const startedMs = performance.now();

    await retry(
      policy,
      failing(1, () => new ExecutorError("Transient", "busy", { retryAfterMs: 120 })),
      signal,
    );

    assert.ok(performance.now() - startedMs >= 115);
  });

  it("ends a pause when it is cancelled, with the reason", async () => {
    const stop = new AbortController();
    const slow = exponential({ attempts: 2, durationMs: 60_000, factor: 1, jitter: 0 });
    const options = { onRetry: () => stop.abort(new Error("the pod goes away")) };

    await assert.rejects(retry(slow, failing(1), stop.signal, options), /the pod goes away/);
  });
});

describe("retry policy", () => {
  it("grows by the factor, and by chance up to the jitter", () => {
    const { pauses } = exponential({ attempts: 5, durationMs: 1000, factor: 1.6, jitter: 0.5 });

    assert.deepEqual(
      pauses.map(({ minMs }) => Math.round(minMs)),
      [1000, 1600, 2560, 4096],
    );
    assert.deepEqual(
      pauses.map(({ maxMs }) => Math.round(maxMs)),
      [1500, 2400, 3840, 6144],
    );
  });

  it("puts a burst of quick tries in place of each try", () => {
    const { pauses } = withQuickTries(
      exponential({ attempts: 2, durationMs: 100, factor: 1, jitter: 0 }),
      3,
      10,
    );

    assert.deepEqual(
      pauses.map(({ maxMs }) => maxMs),
      [10, 20, 100, 10, 20],
    );
    assert.equal(longestPauseMs({ pauses }), 160);
  });

  it("can be no retries at all", async () => {
    await assert.rejects(retry(noRetries, failing(1), signal), /busy/);
  });
});

describe("retry budget", () => {
  it("lets a dead server cost its patience once, and opens again with the first success", async () => {
    let nowMs = 0;
    const budget = new RetryBudget(10, () => nowMs);
    await assert.rejects(retry(policy, failing(9), signal, { budget }));
    nowMs = 20;
    const second = failing(2);

    await assert.rejects(retry(policy, second, signal, { budget }));
    assert.equal(await retry(policy, async () => "first success", signal, { budget }), "first success");
    assert.equal(await retry(policy, failing(2), signal, { budget }), 3);
  });
});

describe("Retry-After", () => {
  it("is seconds or a date", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    assert.equal(parseRetryAfter("3"), 3000);
    assert.equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:05 GMT", now), 5000);
    assert.equal(parseRetryAfter("Thu, 01 Jan 2020 00:00:05 GMT", now), 0);
    assert.equal(parseRetryAfter("soon"), undefined);
    assert.equal(parseRetryAfter(undefined), undefined);
  });
});
