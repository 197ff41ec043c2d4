/**
 * Whether calls on small files may block. On a local file system a call takes less than handing it to the thread pool
 * does (4 against 20 microseconds and more), so 100,000 small files take a quarter of the time; a network volume shows
 * by its first files, and from then on calls go to the pool, several at a time.
 */
export class CallPace {
  static readonly #slowMs = 0.25;
  #averageMs = 0;

  get isQuick(): boolean {
    return this.#averageMs < CallPace.#slowMs;
  }

  /** Runs a file's calls, blocking, and learns from how long they took. */
  measure<Result>(calls: () => Result): Result {
    const start = performance.now();
    try {
      return calls();
    } finally {
      // Clipped, so that one pause (garbage collection, a full journal) does not count as a slow file system.
      const elapsedMs = Math.min(1, performance.now() - start);
      this.#averageMs += (elapsedMs - this.#averageMs) / 16;
    }
  }
}
