/** One pause between two tries: a random length between the two bounds, in milliseconds. */
export interface Pause {
  readonly minMs: number;
  readonly maxMs: number;
}

/** How often something is tried and how long the pauses are: one pause fewer than there are tries. */
export interface RetryPolicy {
  readonly pauses: readonly Pause[];
}

/** A back-off as Kubernetes' wait.Backoff describes it: `jitter` is the share that chance may add to each pause. */
export interface Backoff {
  readonly attempts: number;
  readonly durationMs: number;
  readonly factor: number;
  readonly jitter: number;
}

export const noRetries: RetryPolicy = { pauses: [] };

/** Pauses that grow by `factor`. */
export function exponential({ attempts, durationMs, factor, jitter }: Backoff): RetryPolicy {
  const pauses = Array.from({ length: Math.max(0, attempts - 1) }, (_, index) => {
    const minMs = durationMs * factor ** index;
    return { minMs, maxMs: minMs * (1 + jitter) };
  });
  return { pauses };
}

/**
 * The policy with a burst of `tries` quick tries in place of each single one. Most hiccups pass within moments; only
 * what outlives the burst waits for the long pauses. The quick pauses are fully random, so that many requests that
 * failed together do not come back together.
 */
export function withQuickTries(policy: RetryPolicy, tries: number, pauseMs: number): RetryPolicy {
  const burst = Array.from({ length: Math.max(0, tries - 1) }, (_, index) => ({
    minMs: 0,
    maxMs: pauseMs * Math.min(2 ** index, 5),
  }));
  return { pauses: [...burst, ...policy.pauses.flatMap((pause) => [pause, ...burst])] };
}

/** The longest that all pauses together can last. */
export function patienceMs(policy: RetryPolicy): number {
  return policy.pauses.reduce((sum, pause) => sum + pause.maxMs, 0);
}
