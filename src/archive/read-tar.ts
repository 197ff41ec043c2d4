import { addAbortSignal, Readable } from "node:stream";
import { byteStream } from "../streams/index.ts";
import { textOf } from "./byte-string.ts";
import type { TarType } from "./tar-header.ts";
import { type TarLimits, TarReader, tarLimits } from "./tar-reader.ts";

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
  /** The content, once; holes of a sparse file as zeros. What was not read when the next entry is asked for is lost. */
  readonly body: Readable;
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
      const body = byteStream(reader.content(header));
      yield {
        name: textOf(header.path),
        type: header.type,
        sizeBytes: header.sparse?.sizeBytes ?? header.sizeBytes,
        mode: header.mode,
        mtimeMs: header.mtimeSeconds * 1000,
        linkName: textOf(header.linkPath),
        body,
      };
      await letGo(body);
    }
  } finally {
    await reader.close();
  }
}

/** Lets the signal end a read that waits for its source; other iterables are checked between chunks only. */
export function abortable<Piece>(source: AsyncIterable<Piece>, signal: AbortSignal): AsyncIterable<Piece> {
  return source instanceof Readable ? addAbortSignal(signal, source) : source;
}

/** Ends the reading of a body that was dropped half way: a read that is under way must not meet the next entry. */
async function letGo(body: Readable): Promise<void> {
  if (body.closed) return;
  const closed = new Promise<void>((resolve) => {
    body.once("close", resolve);
  });
  body.destroy();
  await closed;
}
