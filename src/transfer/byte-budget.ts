/** Bytes of buffers that may exist at the same time, handed out first come, first served. */
export class ByteBudget {
  readonly totalBytes: number;
  #freeBytes: number;
  readonly #waiting: { readonly bytes: number; readonly grant: () => void }[] = [];

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
    this.#freeBytes = totalBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Waits for the bytes; who asks for more than there is gets all of it, alone. Resolves to the function that gives them back. */
  async acquire(bytes: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const wanted = Math.min(bytes, this.totalBytes);
    if (this.#waiting.length > 0 || wanted > this.#freeBytes) await this.#wait(wanted, signal);
    else this.#freeBytes -= wanted;
    return this.#releaser(wanted);
  }

  /** The bytes if they are free now and nobody waits, else undefined. */
  tryAcquire(bytes: number): (() => void) | undefined {
    if (this.#waiting.length > 0 || bytes > this.#freeBytes) return undefined;
    this.#freeBytes -= bytes;
    return this.#releaser(bytes);
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = {
      bytes,
      grant: () => {
        signal.removeEventListener("abort", leave);
        resolve();
      },
    };
    const leave = () => {
      this.#waiting.splice(this.#waiting.indexOf(entry), 1);
      reject(signal.reason);
      this.#serve();
    };
    signal.addEventListener("abort", leave, { once: true });
    this.#waiting.push(entry);
    return promise;
  }

  #releaser(bytes: number): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#freeBytes += bytes;
      this.#serve();
    };
  }

  #serve(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && next.bytes <= this.#freeBytes;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#freeBytes -= next.bytes;
      next.grant();
    }
  }
}
