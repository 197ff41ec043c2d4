import type { RetryPolicy } from "./policy.ts";
import { type RetryOptions, Tries } from "./tries.ts";

/** Calls `attempt` until it succeeds, or the policy says that it is over; then the last error is thrown as it is. */
export async function retry<T>(
  policy: RetryPolicy,
  attempt: () => Promise<T>,
  signal: AbortSignal,
  options: RetryOptions = {},
): Promise<T> {
  const tries = new Tries(policy, options);
  for (;;) {
    signal.throwIfAborted();
    try {
      const result = await attempt();
      options.budget?.noteSuccess();
      return result;
    } catch (error) {
      await tries.pause(error, signal);
    }
  }
}

/** The `Retry-After` header (RFC 9110 section 10.2.3), seconds or a date, in milliseconds from now. */
export function parseRetryAfter(value: string | undefined, nowMs: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
