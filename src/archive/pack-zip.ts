import { addAbortSignal, type Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { byteStream } from "../streams/index.ts";
import { lastBlock } from "./block-encoder.ts";
import { shown } from "./byte-string.ts";
import { BlockDeflater } from "./deflate-blocks.ts";
import { abortable } from "./read-tar.ts";
import { Slab } from "./slab.ts";
import { type SparseTarHeader, TarReader, tarLimits } from "./tar-reader.ts";
import {
  encodeCentral,
  encodeDescriptor,
  encodeEnd,
  encodeLocal,
  flagsOf,
  type ZipEntry,
  zipFlags,
  zipMethods,
} from "./zip-records.ts";

export interface ZipOptions {
  /** Told of what a zip archive cannot hold and is left out: devices, fifos, hard links. */
  warn(message: string): void;
}

/** From here on an entry gets 64-bit sizes; below 4 GiB, for incompressible data grows a little. */
const largeFromBytes = 4_000_000_000;
const modeTypes = { file: 0o100000, directory: 0o040000, symlink: 0o120000 };

/**
 * Turns a tar stream (as `packTar` makes them) into a zip archive (docs/contract/artifacts.md#6.2):
 * deflate, modes and times kept, symbolic links as links, directories only where they are empty.
 */
export function packZip(tar: AsyncIterable<Uint8Array>, options: ZipOptions, signal: AbortSignal): Readable {
  const bytes = new ZipWriter(options).write(tar, signal);
  return addAbortSignal(signal, byteStream(bytes, 1024 * 1024));
}

class ZipWriter {
  readonly #options: ZipOptions;
  readonly #slab = new Slab();
  readonly #directory: Buffer[] = [];
  readonly #directorySlab = new Slab();
  #entries = 0;
  #offset = 0;

  constructor(options: ZipOptions) {
    this.#options = options;
  }

  async *write(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    const reader = new TarReader(abortable(tar, signal), { ...tarLimits, entriesMax: Infinity }, signal);
    let pending: SparseTarHeader | undefined;
    try {
      for (let header = await reader.next(); header; header = await reader.next()) {
        // Whether a directory is empty shows in the entry after it.
        if (pending && !header.path.startsWith(`${pending.path}/`)) yield* this.#directoryEntry(pending);
        pending = header.type === "directory" ? withoutSlash(header) : undefined;
        if (!pending) yield* this.#entry(header, reader);
      }
      if (pending) yield* this.#directoryEntry(pending);
      yield* this.#end();
    } finally {
      await reader.close();
    }
  }

  async *#entry(header: SparseTarHeader, reader: TarReader): AsyncGenerator<Buffer, void, undefined> {
    if (header.type === "file") yield* this.#file(header, reader);
    else if (header.type === "symlink")
      yield* this.#stored(header, "symlink", Buffer.from(header.linkPath, "latin1"));
    else {
      const what = header.type.replace("-", " ");
      this.#options.warn(`zip: ${shown(header.path)} is left out: it is a ${what}, which zip cannot hold`);
    }
  }

  async *#file(header: SparseTarHeader, reader: TarReader): AsyncGenerator<Buffer, void, undefined> {
    const entry: ZipEntry = {
      name: header.path,
      method: zipMethods.deflated,
      flags: flagsOf(header.path) | zipFlags.descriptor,
      mode: modeTypes.file | header.mode,
      mtimeSeconds: header.mtimeSeconds,
      isLarge: header.sizeBytes >= largeFromBytes,
    };
    const start = this.#offset;
    yield* this.#emit(encodeLocal(entry));
    const dataStart = this.#offset;
    const deflater = new BlockDeflater({ level: -1 });
    let crc = 0;
    let sizeBytes = 0;
    for await (const chunk of reader.content(header)) {
      crc = crc32(chunk, crc);
      sizeBytes += chunk.length;
      yield* this.#emitAll(await deflater.write(chunk));
    }
    yield* this.#emitAll([...(await deflater.end()), lastBlock]);
    const sums = { crc, sizeBytes, compressedBytes: this.#offset - dataStart };
    yield* this.#emit(encodeDescriptor(entry, sums));
    this.#addToDirectory(encodeCentral(entry, sums, start));
  }

  *#directoryEntry(header: SparseTarHeader): Generator<Buffer, void, undefined> {
    yield* this.#stored({ ...header, path: `${header.path}/` }, "directory", Buffer.alloc(0));
  }

  *#stored(
    header: SparseTarHeader,
    type: keyof typeof modeTypes,
    content: Buffer,
  ): Generator<Buffer, void, undefined> {
    const entry: ZipEntry = {
      name: header.path,
      method: zipMethods.stored,
      flags: flagsOf(header.path),
      mode: modeTypes[type] | header.mode,
      mtimeSeconds: header.mtimeSeconds,
      isLarge: false,
    };
    const sums = { crc: crc32(content), sizeBytes: content.length, compressedBytes: content.length };
    this.#addToDirectory(encodeCentral(entry, sums, this.#offset));
    yield* this.#emit(encodeLocal(entry, sums));
    yield* this.#emit(content);
  }

  *#end(): Generator<Buffer, void, undefined> {
    const start = this.#offset;
    this.#directory.push(...this.#directorySlab.flush());
    yield* this.#emitAll(this.#directory);
    yield* this.#emit(encodeEnd(this.#entries, start, this.#offset - start));
    yield* this.#slab.flush();
  }

  #addToDirectory(record: Buffer): void {
    this.#entries++;
    this.#directory.push(...this.#directorySlab.add(record));
  }

  *#emitAll(chunks: readonly Uint8Array[]): Generator<Buffer, void, undefined> {
    for (const chunk of chunks)
      yield* this.#emit(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }

  *#emit(bytes: Buffer): Generator<Buffer, void, undefined> {
    this.#offset += bytes.length;
    yield* this.#slab.add(bytes);
  }
}

function withoutSlash(header: SparseTarHeader): SparseTarHeader {
  return { ...header, path: header.path.replace(/\/+$/, "") };
}
