import type { ExecutorError } from "../errors/index.ts";

/** One pause between two tries: a random length between the two bounds, in milliseconds. */
export interface Pause {
  readonly minMs: number;
  readonly maxMs: number;
}

/** What comes after a try that failed: a pause and another one, or the end. */
export interface RetryPolicy {
  /** One fewer than there are tries; may be endless. */
  readonly pauses: Iterable<Pause>;
  /** No pause ends later than this after the first try began. Default: the pauses alone say when it is over. */
  readonly patienceMs?: number;
  /** A server that asks for a longer pause than this gets this much. Default 60 s. */
  readonly retryAfterMsMax?: number;
  /** What is repeated at all. Default: Transient. */
  readonly repeats?: (error: ExecutorError) => boolean;
}

/** A policy whose pauses can be counted. */
export interface FiniteRetryPolicy extends RetryPolicy {
  readonly pauses: readonly Pause[];
}

/** A back-off as Kubernetes' wait.Backoff describes it: `jitter` is the share that chance may add to each pause. */
export interface Backoff {
  readonly attempts: number;
  readonly durationMs: number;
  readonly factor: number;
  readonly jitter: number;
}

export const noRetries: FiniteRetryPolicy = { pauses: [] };

/** Pauses that grow by `factor`. */
export function exponential({ attempts, durationMs, factor, jitter }: Backoff): FiniteRetryPolicy {
  const pauses = Array.from({ length: Math.max(0, attempts - 1) }, (_, index) => {
    const minMs = durationMs * factor ** index;
    return { minMs, maxMs: minMs * (1 + jitter) };
  });
  return { pauses };
}

/** Pauses without end that double from the first to the longest one, each up to `jitter` of itself longer. */
export function doublingPauses(firstMs: number, longestMs: number, jitter: number): Iterable<Pause> {
  return {
    *[Symbol.iterator]() {
      for (let minMs = firstMs; ; minMs = Math.min(minMs * 2, longestMs)) {
        yield { minMs, maxMs: minMs * (1 + jitter) };
      }
    },
  };
}

/**
 * The policy with a burst of `tries` quick tries in place of each single one. Most hiccups pass within moments; only
 * what outlives the burst waits for the long pauses. The quick pauses are fully random, so that many requests that
 * failed together do not come back together.
 */
export function withQuickTries(policy: FiniteRetryPolicy, tries: number, pauseMs: number): FiniteRetryPolicy {
  const burst = Array.from({ length: Math.max(0, tries - 1) }, (_, index) => ({
    minMs: 0,
    maxMs: pauseMs * Math.min(2 ** index, 5),
  }));
  return { pauses: [...burst, ...policy.pauses.flatMap((pause) => [pause, ...burst])] };
}

/** The longest that all pauses together can last. */
export function longestPauseMs(policy: FiniteRetryPolicy): number {
  return policy.pauses.reduce((sum, pause) => sum + pause.maxMs, 0);
}
