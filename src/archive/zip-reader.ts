import { crc32, createInflateRaw } from "node:zlib";
import { ExecutorError } from "../errors/index.ts";
import { ByteReader } from "./byte-reader.ts";
import { type ByteString, shown } from "./byte-string.ts";
import { corrupt, isZlibError } from "./errors.ts";
import { inflateSteps } from "./inflate-steps.ts";
import { openNativeDeflate } from "./native-deflate.ts";
import {
  type CentralRecord,
  decodeCentral,
  decodeLocal,
  type LocalHeader,
  matchDescriptor,
} from "./zip-decode.ts";
import { zipFlags, zipMethods, zipSignatures } from "./zip-records.ts";

/**
 * Reads a zip archive front to back, from local headers, as a stream allows: `nextFile` and its `content` until there
 * are no more, then `nextRecord` for what only the central directory knows (modes, links).
 * Throws Corrupt for damage, Unsupported for what cannot be read or not in this order.
 */
export class ZipReader {
  readonly #reader: ByteReader;
  #offset = 0;
  #signature = 0;

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#reader = new ByteReader(source, signal);
  }

  /** The next file or directory, the content of the one before having been read. */
  async nextFile(): Promise<LocalHeader | undefined> {
    const offset = this.#offset;
    await this.#readSignature();
    if (this.#signature !== zipSignatures.local) return undefined;
    const fixed = await this.#need(26);
    const names = await this.#need(fixed.readUInt16LE(22) + fixed.readUInt16LE(24));
    const header = decodeLocal(fixed, names, offset);
    checkReadable(header);
    return header;
  }

  /** The content of the file that `nextFile` gave; complete and verified when it ends. */
  async *content(header: LocalHeader): AsyncGenerator<Buffer, void, undefined> {
    const start = this.#offset;
    let crc = 0;
    let sizeBytes = 0;
    const chunks = header.method === zipMethods.stored ? this.#stored(header) : this.#deflated(header);
    for await (const chunk of chunks) {
      crc = crc32(chunk, crc);
      sizeBytes += chunk.length;
      yield chunk;
    }
    const sums = { crc, sizeBytes, compressedBytes: this.#offset - start };
    if (header.hasDescriptor) {
      const length = matchDescriptor(await this.#reader.peek(26), sums);
      if (length === undefined) throw damaged(header.name);
      await this.#need(length);
    } else if (
      crc !== header.crc ||
      sizeBytes !== header.sizeBytes ||
      sums.compressedBytes !== header.compressedBytes
    ) {
      throw damaged(header.name);
    }
  }

  /** The next record of the central directory; undefined at its end, when all of the source was read. */
  async nextRecord(): Promise<CentralRecord | undefined> {
    if (this.#signature === zipSignatures.central) {
      const fixed = await this.#need(42);
      const names = await this.#need(
        fixed.readUInt16LE(24) + fixed.readUInt16LE(26) + fixed.readUInt16LE(28),
      );
      await this.#readSignature();
      return decodeCentral(fixed, names);
    }
    if (this.#signature !== zipSignatures.end && this.#signature !== zipSignatures.end64) {
      throw corrupt("zip: not a valid zip file: its central directory is damaged");
    }
    await this.#reader.drain();
    return undefined;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #readSignature(): Promise<void> {
    this.#signature = (await this.#need(4)).readUInt32LE(0);
  }

  async #need(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const bytes = await this.#reader.need(length);
    this.#offset += length;
    return bytes;
  }

  async *#stored(header: LocalHeader): AsyncGenerator<Buffer, void, undefined> {
    for (let left = header.compressedBytes; left > 0; ) {
      const chunk = await this.#reader.needChunk(left);
      left -= chunk.length;
      this.#offset += chunk.length;
      yield chunk;
    }
  }

  /** Deflated data says itself where it ends; what was fed beyond that goes back. */
  async *#deflated(header: LocalHeader): AsyncGenerator<Buffer, void, undefined> {
    const native = openNativeDeflate();
    if (!native) return yield* this.#inflated(header);
    let left = header.hasDescriptor ? Infinity : header.compressedBytes;
    const next = async () => {
      const chunk = left > 0 ? await this.#reader.chunk(left) : undefined;
      left -= chunk?.length ?? 0;
      this.#offset += chunk?.length ?? 0;
      return chunk;
    };
    const end = yield* inflateSteps(native, next);
    if (!end) throw damaged(header.name);
    this.#offset -= end.unused.length;
    this.#reader.unread(end.unused);
  }

  async *#inflated(header: LocalHeader): AsyncGenerator<Buffer, void, undefined> {
    const inflater = createInflateRaw({ chunkSize: 64 * 1024 });
    const feeding = this.#feed(inflater, header.hasDescriptor ? Infinity : header.compressedBytes);
    // A failed read must reach the loop below, which else waits for output.
    feeding.catch((error: Error) => inflater.destroy(error));
    try {
      yield* inflater as AsyncIterable<Buffer>;
    } catch (error) {
      throw isZlibError(error) ? damaged(header.name, error) : error;
    } finally {
      inflater.destroy();
      await feeding;
    }
  }

  async #feed(inflater: ReturnType<typeof createInflateRaw>, lengthMax: number): Promise<void> {
    const start = this.#offset;
    for (let fed = 0; fed < lengthMax; ) {
      const chunk = await this.#reader.chunk(lengthMax - fed);
      if (!chunk) break;
      fed += chunk.length;
      await new Promise<void>((resolve) => {
        inflater.write(chunk, () => resolve());
      });
      const unused = fed - inflater.bytesWritten;
      this.#offset = start + fed - unused;
      if (unused > 0) {
        this.#reader.unread(chunk.subarray(chunk.length - unused));
        return;
      }
      if (inflater.destroyed) return;
    }
    inflater.end();
  }
}

function checkReadable({ name, flags, method, hasDescriptor }: LocalHeader): void {
  const problem =
    flags & zipFlags.encrypted
      ? "it is encrypted"
      : method !== zipMethods.stored && method !== zipMethods.deflated
        ? `its compression method ${method} is neither stored nor deflate`
        : method === zipMethods.stored && hasDescriptor
          ? "it is stored without its length in front, so that a stream cannot tell where it ends"
          : undefined;
  if (problem === undefined) return;
  throw new ExecutorError(
    "Unsupported",
    `zip: cannot unpack ${shown(name)}: ${problem}; make the archive again`,
  );
}

function damaged(name: ByteString, cause?: unknown): ExecutorError {
  return corrupt(
    `zip: ${shown(name)} is damaged: its length or checksum differs, or it does not decompress`,
    cause,
  );
}
