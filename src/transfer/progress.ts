/** Where transfers say how far they are, and what they repeat. */
export interface TransferLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

const intervalMs = 10_000;

/**
 * Says in the log how far a transfer is, every ten seconds; nothing of one that is done before. It counts the bytes,
 * and in a transfer of many files the files, that the store, or the disk, has.
 */
export class Progress implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #files: number | undefined;
  #bytes = 0;

  /** `totalBytes`: undefined where nobody knows before the end. */
  constructor(
    log: TransferLog,
    message: string,
    { key, totalBytes }: { readonly key: string; readonly totalBytes?: number | undefined },
    everyMs = intervalMs,
  ) {
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const files = this.#files === undefined ? {} : { files: this.#files };
      const total = totalBytes === undefined ? {} : { totalBytes };
      log.info({ key, ...files, bytes: this.#bytes, ...total, seconds }, message);
    }, everyMs);
    // What a transfer waits for keeps the process alive, its log does not.
    this.#timer.unref();
  }

  noteFile(sizeBytes: number): void {
    this.#files = (this.#files ?? 0) + 1;
    this.#bytes += sizeBytes;
  }

  noteBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
