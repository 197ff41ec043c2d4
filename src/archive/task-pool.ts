/**
 * Runs tasks with a bounded number of them under way, each under a key. The first failure is thrown by the next call of
 * `run` or `drain`.
 */
export class TaskPool<Key> {
  readonly #parallel: number;
  readonly #running = new Map<Key, Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(parallel: number) {
    this.#parallel = parallel;
  }

  has(key: Key): boolean {
    return this.#running.has(key);
  }

  /** Starts a task; resolves when there is room for another. No task may run under this key. */
  async run(key: Key, task: () => Promise<void>): Promise<void> {
    this.#throwFailure();
    const running = task()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running.delete(key);
        this.#wake?.();
      });
    this.#running.set(key, running);
    while (this.#running.size >= this.#parallel) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#throwFailure();
  }

  /** Waits for all tasks. */
  async drain(): Promise<void> {
    await this.settle();
    this.#throwFailure();
  }

  /** As `drain`, without throwing: nothing is under way afterwards. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
