import type { Readable } from "node:stream";
import type { SlabBuffer } from "./slabs.ts";

/** Cuts a stream into pieces of given sizes. */
export class PartReader {
  readonly #source: Readable;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => void this.#source.destroy();
  #rest: Uint8Array | undefined;
  #isDone = false;

  /** The signal destroys the source, so that a read which waits for it ends. */
  constructor(source: Readable, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  /** Moves up to `sizeBytes` into the buffer; less only at the end of the stream. */
  async read(sizeBytes: number, into: SlabBuffer): Promise<void> {
    while (into.sizeBytes < sizeBytes && !(await this.hasEnded())) {
      const chunk = this.#rest ?? new Uint8Array();
      const missing = sizeBytes - into.sizeBytes;
      into.append(chunk.subarray(0, missing));
      this.#rest = chunk.byteLength > missing ? chunk.subarray(missing) : undefined;
    }
  }

  async hasEnded(): Promise<boolean> {
    while (this.#rest === undefined && !this.#isDone) {
      const next = await this.#chunks.next();
      this.#signal.throwIfAborted();
      if (next.done === true) this.#isDone = true;
      else if (next.value.byteLength > 0) this.#rest = next.value;
    }
    return this.#rest === undefined;
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#source.destroy();
  }
}
