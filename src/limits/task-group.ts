/**
 * Runs tasks side by side and fails as a whole: the first failure cancels the others, and `settle` throws it when all
 * have ended. Holds nothing of tasks that are done, so that a million of them need no memory.
 */
export class TaskGroup {
  /** Of its own, for whether one that is made of others has fired costs a look at all of them, each time. */
  readonly signal: AbortSignal;
  readonly #failing = new AbortController();
  readonly #outer: AbortSignal;
  readonly #stop = () => this.#failing.abort(this.#outer.reason);
  readonly #max: number;
  #running = 0;
  #wake: () => void = () => {};

  constructor(max: number, signal: AbortSignal) {
    this.#max = max;
    this.signal = this.#failing.signal;
    this.#outer = signal;
    if (signal.aborted) this.#stop();
    else signal.addEventListener("abort", this.#stop, { once: true });
  }

  /** Waits until there is room, then starts the task. Throws what made the group fail. */
  async start(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#running >= this.#max) await this.#untilRunning(this.#max - 1);
    this.signal.throwIfAborted();
    this.#running += 1;
    void this.#run(task);
  }

  /** Ends the group early: the others are cancelled and awaited. */
  async cancel(reason: unknown): Promise<void> {
    this.#failing.abort(reason);
    await this.#end();
  }

  async settle(): Promise<void> {
    await this.#end();
    this.signal.throwIfAborted();
  }

  async #end(): Promise<void> {
    await this.#untilRunning(0);
    this.#outer.removeEventListener("abort", this.#stop);
  }

  async #run(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await task(this.signal);
    } catch (error) {
      this.#failing.abort(error);
    }
    this.#running -= 1;
    this.#wake();
  }

  /** A single waiter, the one who feeds the group; a race over all promises would cost their number for each task. */
  async #untilRunning(most: number): Promise<void> {
    while (this.#running > most) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
