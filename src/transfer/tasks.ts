/**
 * Runs tasks side by side and fails as a whole: the first failure cancels the others, and `settle` throws it when all
 * have ended. Holds nothing of tasks that are done, so that a million of them need no memory.
 */
export class TaskGroup {
  readonly signal: AbortSignal;
  readonly #failing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #max: number;

  constructor(max: number, signal: AbortSignal) {
    this.#max = max;
    this.signal = AbortSignal.any([signal, this.#failing.signal]);
  }

  /** Waits until there is room, then starts the task. Throws what made the group fail. */
  async start(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#max) await Promise.race(this.#running);
    this.signal.throwIfAborted();
    const running = task(this.signal)
      .catch((error: unknown) => this.#failing.abort(error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Ends the group early: the others are cancelled and awaited. */
  async cancel(reason: unknown): Promise<void> {
    this.#failing.abort(reason);
    await Promise.all(this.#running);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.signal.throwIfAborted();
  }
}
