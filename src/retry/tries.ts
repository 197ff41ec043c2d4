import { setTimeout as sleep } from "node:timers/promises";
import { type ExecutorError, isExecutorError } from "../errors/index.ts";
import type { RetryBudget } from "./budget.ts";
import type { Pause, RetryPolicy } from "./policy.ts";

const retryAfterMsMaxDefault = 60_000;

export interface RetryOptions {
  readonly budget?: RetryBudget | undefined;
  /** Told before each pause; for the log. */
  readonly onRetry?: ((error: ExecutorError, pauseMs: number) => void) | undefined;
}

/** The tries of one thing under a policy, for loops that cannot be a `retry`. */
export class Tries {
  readonly #policy: RetryPolicy;
  readonly #options: RetryOptions;
  /** Made with the first failure, which most tries never see. */
  #pauses: Iterator<Pause> | undefined;
  #startedMs = performance.now();

  constructor(policy: RetryPolicy, options: RetryOptions = {}) {
    this.#policy = policy;
    this.#options = options;
  }

  /** Something was achieved: the next failure counts as the first. */
  restart(): void {
    this.#pauses = undefined;
    this.#startedMs = performance.now();
  }

  /**
   * Waits until the next try is due. Throws the error where there is none: it will not pass, or pauses, patience or
   * budget are used up. `Retry-After` (ExecutorError.retryAfterMs) lengthens a pause, never shortens one.
   */
  async pause(error: unknown, signal: AbortSignal): Promise<void> {
    // Whatever broke after we were told to stop broke because of it.
    signal.throwIfAborted();
    const { repeats, patienceMs, retryAfterMsMax = retryAfterMsMaxDefault } = this.#policy;
    if (!isExecutorError(error)) throw error;
    if (repeats ? !repeats(error) : error.code !== "Transient") throw error;
    const { budget, onRetry } = this.#options;
    budget?.noteFailure();
    this.#pauses ??= this.#policy.pauses[Symbol.iterator]();
    const { value: pause, done } = this.#pauses.next();
    if (done || budget?.allowsWaiting === false) throw error;
    const planned = pause.minMs + Math.random() * (pause.maxMs - pause.minMs);
    const pauseMs = Math.max(planned, Math.min(error.retryAfterMs ?? 0, retryAfterMsMax));
    if (patienceMs !== undefined && performance.now() + pauseMs > this.#startedMs + patienceMs) throw error;
    onRetry?.(error, pauseMs);
    await wait(pauseMs, signal);
  }
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
