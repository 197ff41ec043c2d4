import { Readable } from "node:stream";

/** A stream of bytes over what yields them piece by piece; `bufferedBytes` is how far it may read ahead. */
export function byteStream(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  bufferedBytes?: number,
): Readable {
  return Readable.from(pieces, {
    objectMode: false,
    ...(bufferedBytes !== undefined && { highWaterMark: bufferedBytes }),
  });
}
