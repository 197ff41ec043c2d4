import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { byteStream } from "../streams/index.ts";
import { checkedStream } from "./checked-stream.ts";
import { zstdError } from "./errors.ts";
import { DroppedBuffers } from "./garbage.ts";
import { abortable } from "./read-tar.ts";

/** What a reader has to remember at most, 2^27 bytes: as much as `zstd -d` and the archives of `zstd -19` take. */
const windowLogMax = 27;

/**
 * Decompresses zstd (RFC 8878): any number of frames in a row, skippable ones too, zeros after the last one. Throws
 * Corrupt for damaged or short input and for anything but zeros behind the end, TooLarge for a window above 128 MiB.
 * The source is destroyed when its reader ends early.
 */
export async function* unzstd(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const dropped = new DroppedBuffers();
  const stream = checkedStream(createZstdDecompress(options()), format);
  const piping = pipeline(byteStream(abortable(source, signal)), stream, { signal });
  // A failure of the pipe reaches the loop below as the stream's own.
  const ended = piping.catch(() => undefined);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      yield chunk;
      dropped.note(chunk.length);
    }
  } finally {
    stream.destroy();
    await ended;
  }
}

/** A frame that is to be skipped, and empty: Node's zstd does not miss the rest of a cut magic number. */
const nothing = Buffer.from("502a4d1800000000", "hex");
const format = { name: "zstd", translate: zstdError, nothing };

/** A function, so that pods without zstd do not load Node's zlib for a constant of it. */
function options() {
  return {
    chunkSize: 256 * 1024,
    highWaterMark: 1024 * 1024,
    params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
  };
}
