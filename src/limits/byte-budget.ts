import { WaitingLine } from "./waiting-line.ts";

/** Bytes of buffers that may exist at the same time, handed out first come, first served. */
export class ByteBudget {
  readonly totalBytes: number;
  #freeBytes: number;
  readonly #line = new WaitingLine((bytes) => this.#take(bytes));

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
    this.#freeBytes = totalBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Waits for the bytes; who asks for more than there is gets all of it, alone. Resolves to the function that gives them back. */
  async acquire(bytes: number, signal: AbortSignal): Promise<() => void> {
    const wanted = Math.min(bytes, this.totalBytes);
    signal.throwIfAborted();
    if (!this.#line.tryEnter(wanted)) await this.#line.enter(wanted, signal);
    return this.#releaser(wanted);
  }

  /** The bytes if they are free now and nobody waits, else undefined. */
  tryAcquire(bytes: number): (() => void) | undefined {
    return this.#line.tryEnter(bytes) ? this.#releaser(bytes) : undefined;
  }

  #take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  #releaser(bytes: number): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#freeBytes += bytes;
      this.#line.serve();
    };
  }
}
