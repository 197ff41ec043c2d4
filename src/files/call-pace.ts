/** Blocking calls that take so long on average are handed to the thread pool. */
const slowMs = 0.25;
/** How long slow calls go to the pool before one is tried again. */
const retrialMs = 100;

/**
 * Whether calls on small files may block. On a local file system a call takes less than handing it to the thread pool
 * does (4 against 20 microseconds and more), so 100,000 small files take a quarter of the time; a network volume shows
 * by its first files, and its calls go to the pool, several at a time. One is tried again now and then: a local disk
 * has slow moments, too, after which the pool would cost more than it brings, for threads that create files in one
 * directory wait for each other, spinning.
 */
export class CallPace {
  #averageMs = 0;
  #measuredAtMs = 0;

  get isQuick(): boolean {
    return this.#averageMs < slowMs || performance.now() - this.#measuredAtMs > retrialMs;
  }

  /** Runs a file's calls, blocking, and learns from how long they took. */
  measure<Result>(calls: () => Result): Result {
    const start = performance.now();
    try {
      return calls();
    } finally {
      this.#measuredAtMs = performance.now();
      // Clipped, so that one pause (garbage collection, a full journal) does not count as a slow file system.
      const elapsedMs = Math.min(1, this.#measuredAtMs - start);
      this.#averageMs += (elapsedMs - this.#averageMs) / 16;
    }
  }
}
