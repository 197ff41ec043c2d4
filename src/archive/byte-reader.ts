import { ExecutorError } from "../errors/index.ts";
import { corrupt } from "./errors.ts";
import { Written } from "./shortcut.ts";

/**
 * Reads a stream by amounts instead of chunks: headers whole, bodies as they come, without copying what need not be
 * contiguous. At the end of the stream `read` and `chunk` give undefined; an end inside an amount is Corrupt.
 */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array | Written>;
  readonly #signal: AbortSignal;
  #buffer: Buffer = Buffer.alloc(0);
  /** What was pulled from the source so far. */
  #pulledBytes = 0;
  #isAtEnd = false;

  constructor(source: AsyncIterable<Uint8Array | Written>, signal: AbortSignal) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** How many bytes of the stream were taken before the next one. */
  get takenBytes(): number {
    return this.#pulledBytes - this.#buffer.length;
  }

  /** At least `length` bytes without taking them, or all there are when the stream is shorter. */
  async peek(length: number): Promise<Buffer> {
    while (this.#buffer.length < length && (await this.#pull())) {}
    return this.#buffer;
  }

  /** Exactly `length` bytes; undefined when nothing is left. */
  async read(length: number): Promise<Buffer | undefined> {
    const bytes = this.#buffer.length >= length ? this.#buffer : await this.peek(length);
    if (bytes.length === 0 && length > 0) return undefined;
    if (bytes.length < length)
      throw corrupt("the archive ends too early; it is damaged or was not stored completely");
    return this.#take(length);
  }

  /** As `read`, where the end of the stream would be damage. */
  async need(length: number): Promise<Buffer> {
    const bytes = await this.read(length);
    if (!bytes) throw corrupt("the archive ends too early; it is damaged or was not stored completely");
    return bytes;
  }

  /** Between one byte and `lengthMax`, whatever is at hand; undefined at the end. */
  async chunk(lengthMax: number): Promise<Buffer | undefined> {
    while (this.#buffer.length === 0) if (!(await this.#pull())) return undefined;
    return this.#take(Math.min(lengthMax, this.#buffer.length));
  }

  /** As `needChunk`, or what the source has written to where the bytes go (Shortcut). */
  async needPiece(lengthMax: number): Promise<Buffer | Written> {
    if (this.#buffer.length > 0) return this.#take(Math.min(lengthMax, this.#buffer.length));
    const next = await this.#next();
    if (!(next instanceof Written)) {
      if (next) this.#hold(next);
      return await this.needChunk(lengthMax);
    }
    if (next.sizeBytes <= lengthMax) return next;
    throw new ExecutorError("Internal", "the source has written what does not belong there");
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) left -= (await this.needChunk(left)).length;
  }

  async needChunk(lengthMax: number): Promise<Buffer> {
    const bytes = await this.chunk(lengthMax);
    if (!bytes) throw corrupt("the archive ends too early; it is damaged or was not stored completely");
    return bytes;
  }

  /** Puts bytes back in front of what is left. */
  unread(bytes: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([bytes, this.#buffer]);
  }

  /** Reads to the end, so that what follows the archive (a gzip checksum) has been looked at. */
  async drain(): Promise<void> {
    this.#buffer = Buffer.alloc(0);
    while (await this.#pull()) this.#buffer = Buffer.alloc(0);
  }

  /** All that is left, chunk by chunk. */
  async *rest(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (let bytes = await this.chunk(Infinity); bytes; bytes = await this.chunk(Infinity)) yield bytes;
    } finally {
      await this.close();
    }
  }

  /** Lets go of the source; a stream is destroyed. */
  async close(): Promise<void> {
    this.#isAtEnd = true;
    await this.#iterator.return?.();
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #pull(): Promise<boolean> {
    const next = await this.#next();
    if (next instanceof Written)
      throw new ExecutorError("Internal", "the source has written what its reader wanted to see");
    if (next) this.#hold(next);
    return next !== undefined;
  }

  async #next(): Promise<Uint8Array | Written | undefined> {
    if (this.#isAtEnd) return undefined;
    this.#signal.throwIfAborted();
    const { done, value } = await this.#iterator.next();
    if (done) {
      this.#isAtEnd = true;
      return undefined;
    }
    this.#pulledBytes += value instanceof Written ? value.sizeBytes : value.byteLength;
    return value;
  }

  #hold(bytes: Uint8Array): void {
    const chunk = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
  }
}
