import { Duplex } from "node:stream";

/** What a line may hold before it slows the sender: 1 GB/s at a delay of 64 ms. */
const heldBytesMax = 64 * 1024 * 1024;

/**
 * Gives every chunk back a fixed time after it came in. Chunks wait side by side, so the delay costs latency and no
 * bandwidth; the end of the data is delayed as well.
 */
export class DelayLine extends Duplex {
  readonly #delayMs: number;
  readonly #held: { readonly chunk: Buffer | null; readonly dueMs: number }[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The reader wants more. */
  #isWanted = false;
  /** Called once there is room again. */
  #accept: (() => void) | undefined;

  constructor(delayMs: number) {
    super({ writableHighWaterMark: 1024 * 1024, readableHighWaterMark: 1024 * 1024 });
    this.#delayMs = delayMs;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#hold(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < heldBytesMax) done();
    else this.#accept = done;
  }

  override _final(done: () => void): void {
    this.#hold(null);
    done();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#release();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#held.length = 0;
    done(error);
  }

  #hold(chunk: Buffer | null): void {
    this.#held.push({ chunk, dueMs: performance.now() + this.#delayMs });
    this.#release();
  }

  /** Hands on what is due, and sets the timer for the next. */
  #release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#isWanted) {
      const [next] = this.#held;
      if (!next) return;
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#release(), waitMs);
        return;
      }
      this.#held.shift();
      this.#heldBytes -= next.chunk?.length ?? 0;
      this.#isWanted = this.push(next.chunk) && next.chunk !== null;
      if (this.#accept && this.#heldBytes < heldBytesMax) {
        const accept = this.#accept;
        this.#accept = undefined;
        accept();
      }
    }
  }
}
