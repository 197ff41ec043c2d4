import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ExecutorError, errorCode, errorText, isExecutorError } from "../../src/errors/index.ts";

describe("ExecutorError", () => {
  it("keeps code, advice and first cause through any number of wrappings", () => {
    const first = new ExecutorError("Transient", "slow down", { retryAfterMs: 3000 });

    const wrapped = ExecutorError.wrap(ExecutorError.wrap(first, "put part 3"), "save model");

    assert.equal(wrapped.message, "save model: put part 3: slow down");
    assert.equal(wrapped.code, "Transient");
    assert.equal(wrapped.retryAfterMs, 3000);
    assert.equal((wrapped.cause as Error).cause, first);
  });

  it("tells a deadline from a request to stop, and both from what nobody translated", async () => {
    const reasonOf = async (signal: AbortSignal) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return signal.reason as unknown;
    };
    const deadline = AbortSignal.timeout(1);
    // The signal's own timer does not keep the process alive.
    const alive = setTimeout(() => {}, 10_000);

    assert.equal(errorCode(await reasonOf(deadline)), "Timeout");
    assert.equal(errorCode(await reasonOf(AbortSignal.abort())), "Cancelled");
    assert.equal(errorCode(new TypeError("x is undefined")), "Internal");
    assert.equal(errorCode("thrown text"), "Internal");
    clearTimeout(alive);
  });

  it("wraps foreign errors as Internal, with their text", () => {
    const wrapped = ExecutorError.wrap(new RangeError("out of range"), "decode");

    assert.equal(wrapped.code, "Internal");
    assert.equal(wrapped.message, "decode: out of range");
    assert.equal(errorText("plain"), "plain");
  });

  it("is asked for one of several codes, or for any", () => {
    const error = new ExecutorError("NotFound", "nothing there");

    assert.ok(isExecutorError(error, "Conflict", "NotFound"));
    assert.ok(isExecutorError(error));
    assert.ok(!isExecutorError(error, "Conflict"));
    assert.ok(!isExecutorError(new Error("NotFound"), "NotFound"));
  });
});
