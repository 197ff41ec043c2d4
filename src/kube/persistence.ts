import { type ErrorCode, ExecutorError } from "../errors/index.ts";
import { doublingPauses, retry } from "../retry/index.ts";

/** How long a report is repeated. */
export interface Persistence {
  /** Milliseconds after which a transient error is final; Infinity: for as long as the pod lives. */
  readonly patienceMs: number;
  /** Told before each pause. */
  readonly onRetry?: (error: unknown, pauseMs: number) => void;
}

const firstPauseMs = 1000;
const pauseMsMax = 30_000;
/** A server that asks for a longer pause than this gets this much. */
const retryAfterMsMax = 60_000;
/**
 * Not known to pass, so they get a bounded number of tries altogether: a plain 500 or 502, a change by someone else
 * at the same moment, a token that is refused while it, or the server's keys, are being exchanged.
 */
const attemptsMax: Partial<Record<ErrorCode, number>> = { Internal: 8, Conflict: 8, Unauthorized: 4 };

/** For how long the answer behind `error` asked not to be bothered again, in milliseconds; 0 where it did not. */
export function askedPauseMs(error: unknown): number {
  const askedMs = error instanceof ExecutorError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(askedMs, retryAfterMsMax);
}

/** The same as a time in milliseconds since the epoch. */
export function busyUntilMs(error: unknown): number {
  return Date.now() + askedPauseMs(error);
}

/**
 * Repeats `attempt` on transient errors, with pauses of 1 s doubling to 30 s and up to 10 % on top
 * (docs/contract/pod.md#6.3, with docs/contract/pod.md#defect-16 mended). Retry-After lengthens a pause, to 60 s at
 * most, and never beyond the patience: requests inside leave it to us (`patienceMs: 0`).
 */
export async function persist(
  persistence: Persistence,
  signal: AbortSignal,
  attempt: () => Promise<void>,
): Promise<void> {
  let doubtful = 0;
  const policy = {
    pauses: doublingPauses(firstPauseMs, pauseMsMax, 0.1),
    patienceMs: persistence.patienceMs,
    retryAfterMsMax,
    repeats: ({ code }: ExecutorError) => code === "Transient" || ++doubtful < (attemptsMax[code] ?? 0),
  };
  await retry(policy, attempt, signal, { onRetry: persistence.onRetry });
}
