import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, ExecutorError } from "../errors/index.ts";

/** How long a report is repeated. */
export interface Persistence {
  /** Milliseconds after which a transient error is final; Infinity: for as long as the pod lives. */
  readonly patienceMs: number;
  /** Told before each pause. */
  readonly onRetry?: (error: unknown, pauseMs: number) => void;
}

const firstPauseMs = 1000;
const pauseMsMax = 30_000;
/** A server that asks for more patience than this gets this much. */
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
 * (contract pod.md 6.3, with its defect 16 mended). Retry-After lengthens a pause, to 60 s at most, and never beyond
 * the patience: requests inside leave it to us (`patienceMs: 0`).
 */
export async function persist(
  persistence: Persistence,
  signal: AbortSignal,
  attempt: () => Promise<void>,
): Promise<void> {
  const end = performance.now() + persistence.patienceMs;
  let doubtful = 0;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ExecutorError)) throw error;
      const mayPass = error.code === "Transient" || ++doubtful < (attemptsMax[error.code] ?? 0);
      const wait = Math.max(pauseMs * (1 + Math.random() * 0.1), askedPauseMs(error));
      if (!mayPass || performance.now() + wait > end) throw error;
      persistence.onRetry?.(error, wait);
      await sleep(wait, undefined, { signal });
    }
  }
}
