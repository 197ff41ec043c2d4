import { setTimeout as sleep } from "node:timers/promises";

/** Requests that wait because a fault delays them. */
export class Holds {
  #held = new AbortController();

  /** Resolves after so long, or when all are let go of; rejects when `signal` does, for nobody waits any more. */
  async hold(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: AbortSignal.any([signal, this.#held.signal]) });
    } catch (error) {
      if (signal.aborted) throw error;
    }
  }

  letGo(): void {
    this.#held.abort();
    this.#held = new AbortController();
  }
}
