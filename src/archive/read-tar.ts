import { addAbortSignal, Readable } from "node:stream";
import { textOf } from "./byte-string.ts";
import type { TarType } from "./tar-header.ts";
import { type SparseTarHeader, type TarLimits, TarReader, tarLimits } from "./tar-reader.ts";

/** One entry of a tar stream. */
export interface TarEntry {
  /** As in the archive (it may be absolute or climb), as text. */
  readonly name: string;
  readonly type: TarType;
  /** Bytes that `body` yields; 0 for everything but files. */
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeMs: number;
  /** Target of a symbolic or hard link, else empty. */
  readonly linkName: string;
  /** The content, once; holes of a sparse file as zeros. Must be drained or dropped before the next entry. */
  readonly body: AsyncIterable<Buffer>;
}

/**
 * Reads a tar stream (not compressed) entry by entry, to its very end. Throws Corrupt for damage and TooLarge for
 * what exceeds the limits. The source is destroyed when the loop over the entries ends early.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  limits: TarLimits = tarLimits,
): AsyncGenerator<TarEntry, void, undefined> {
  const reader = new TarReader(abortable(source, signal), limits, signal);
  try {
    for (let header = await reader.next(); header; header = await reader.next()) {
      yield {
        name: textOf(header.path),
        type: header.type,
        sizeBytes: header.sparse?.sizeBytes ?? header.sizeBytes,
        mode: header.mode,
        mtimeMs: header.mtimeSeconds * 1000,
        linkName: textOf(header.linkPath),
        body: bodyOf(reader, header),
      };
    }
  } finally {
    await reader.close();
  }
}

/** Lets the signal end a read that waits for its source; other iterables are checked between chunks only. */
export function abortable(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return source instanceof Readable ? addAbortSignal(signal, source) : source;
}

const zeros = Buffer.alloc(64 * 1024);

async function* bodyOf(reader: TarReader, header: SparseTarHeader): AsyncGenerator<Buffer, void, undefined> {
  if (!header.sparse) {
    for (let bytes = await reader.chunk(); bytes; bytes = await reader.chunk()) yield bytes;
    return;
  }
  let at = 0;
  for (const { offset, length } of header.sparse.segments) {
    yield* hole(offset - at);
    for (let left = length; left > 0; ) {
      const bytes = await reader.chunk(left);
      if (!bytes) return;
      left -= bytes.length;
      yield bytes;
    }
    at = offset + length;
  }
  yield* hole(header.sparse.sizeBytes - at);
}

function* hole(length: number): Generator<Buffer, void, undefined> {
  for (let left = length; left > 0; left -= zeros.length)
    yield zeros.subarray(0, Math.min(left, zeros.length));
}
