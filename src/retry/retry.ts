import { setTimeout as sleep } from "node:timers/promises";
import { type ExecutorError, isExecutorError } from "../errors/index.ts";
import type { RetryBudget } from "./budget.ts";
import type { Pause, RetryPolicy } from "./policy.ts";

/** A server that asks for more patience than this gets this much. */
const retryAfterMaxMs = 60_000;

export interface RetryOptions {
  readonly budget?: RetryBudget | undefined;
  /** Told before each pause; for the log. */
  readonly onRetry?: ((error: ExecutorError, pauseMs: number) => void) | undefined;
}

/**
 * Calls `attempt` until it succeeds, fails with anything but Transient, or the policy's pauses are used up; then the
 * last error is thrown as it is. `Retry-After` (ExecutorError.retryAfterMs) lengthens a pause, never shortens one.
 */
export async function retry<T>(
  policy: RetryPolicy,
  attempt: () => Promise<T>,
  signal: AbortSignal,
  { budget, onRetry }: RetryOptions = {},
): Promise<T> {
  const pauses = policy.pauses[Symbol.iterator]();
  for (;;) {
    signal.throwIfAborted();
    try {
      const result = await attempt();
      budget?.noteSuccess();
      return result;
    } catch (error) {
      // Whatever broke after we were told to stop broke because of it.
      signal.throwIfAborted();
      if (!isExecutorError(error, "Transient")) throw error;
      budget?.noteFailure();
      const pause = pauses.next().value;
      if (pause === undefined || budget?.allowsWaiting === false) throw error;
      const pauseMs = lengthMs(pause, error);
      onRetry?.(error, pauseMs);
      await wait(pauseMs, signal);
    }
  }
}

function lengthMs({ minMs, maxMs }: Pause, error: ExecutorError): number {
  const planned = minMs + Math.random() * (maxMs - minMs);
  return Math.max(planned, Math.min(error.retryAfterMs ?? 0, retryAfterMaxMs));
}

async function wait(pauseMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(pauseMs, undefined, { signal });
  } catch (error) {
    // The timer hides the reason behind an AbortError of its own; the caller wants to know which deadline it was.
    signal.throwIfAborted();
    throw error;
  }
}

/** The `Retry-After` header (RFC 9110 section 10.2.3) in milliseconds from now. */
export function parseRetryAfter(value: string | undefined, nowMs: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
