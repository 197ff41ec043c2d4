import type { Readable } from "node:stream";
import type { FileContent } from "../streams/index.ts";
import type { SlabBuffer } from "./slabs.ts";

/** Where parts come from, one after the other. */
export interface PartSource {
  readonly signal: AbortSignal;
  /** Moves up to `sizeBytes` into the empty buffer; less only at the end. */
  read(sizeBytes: number, into: SlabBuffer): Promise<void>;
  hasEnded(): Promise<boolean>;
  close(): void;
}

/** Reads a content of known size range by range. */
export class RangeSource implements PartSource {
  readonly signal: AbortSignal;
  readonly #readInto: NonNullable<FileContent["readInto"]>;
  #offset = 0;
  #left: number;

  constructor(readInto: NonNullable<FileContent["readInto"]>, sizeBytes: number, signal: AbortSignal) {
    this.#readInto = readInto;
    this.#left = sizeBytes;
    this.signal = signal;
  }

  async read(sizeBytes: number, into: SlabBuffer): Promise<void> {
    const length = Math.min(sizeBytes, this.#left);
    if (length > 0) await this.#readInto({ offset: this.#offset, length }, into, this.signal);
    this.signal.throwIfAborted();
    this.#offset += into.sizeBytes;
    // A content that has become shorter has ended here; that it is not what was announced is noticed with the sum.
    this.#left = into.sizeBytes < length ? 0 : this.#left - length;
  }

  async hasEnded(): Promise<boolean> {
    return this.#left === 0;
  }

  close(): void {}
}

/** Cuts a stream into pieces of given sizes. */
export class PartReader implements PartSource {
  readonly signal: AbortSignal;
  readonly #source: Readable;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #onAbort = () => void this.#source.destroy();
  #rest: Uint8Array | undefined;
  #isDone = false;

  /** The signal destroys the source, so that a read which waits for it ends. */
  constructor(source: Readable, signal: AbortSignal) {
    this.#source = source;
    this.signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

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
      this.signal.throwIfAborted();
      if (next.done === true) this.#isDone = true;
      else if (next.value.byteLength > 0) this.#rest = next.value;
    }
    return this.#rest === undefined;
  }

  close(): void {
    this.signal.removeEventListener("abort", this.#onAbort);
    this.#source.destroy();
  }
}
