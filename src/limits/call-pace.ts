/** A file's calls that take longer had to wait for something. */
const slowMs = 0.25;
/** Where so many of the last calls were slow, calls are handed to the thread pool. */
const slowShareMax = 0.4;
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
  /** Not the time they took: on a busy machine some calls are interrupted for long, and the others say the truth. */
  #slowShare = 0;
  #measuredAtMs = 0;

  get isQuick(): boolean {
    return this.#slowShare < slowShareMax || performance.now() - this.#measuredAtMs > retrialMs;
  }

  /** Runs a file's calls, blocking, and learns from how long they took. */
  measure<Result>(calls: () => Result): Result {
    const start = performance.now();
    try {
      return calls();
    } finally {
      this.#measuredAtMs = performance.now();
      const isSlow = this.#measuredAtMs - start > slowMs;
      this.#slowShare += (Number(isSlow) - this.#slowShare) / 16;
    }
  }
}
