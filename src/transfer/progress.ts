import type { TransferLog } from "./session.ts";

const intervalMs = 10_000;

/**
 * Says in the log how far a transfer of many files is, every ten seconds; nothing of one that is done before. It counts
 * the files, and their bytes, that the store, or the disk, has.
 */
export class Progress implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #files = 0;
  #bytes = 0;

  constructor(log: TransferLog, message: string, key: string, everyMs = intervalMs) {
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      log.info({ key, files: this.#files, bytes: this.#bytes, seconds }, message);
    }, everyMs);
    // What a transfer waits for keeps the process alive, its log does not.
    this.#timer.unref();
  }

  noteFile(sizeBytes: number): void {
    this.#files += 1;
    this.#bytes += sizeBytes;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
