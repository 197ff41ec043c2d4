import type { Transform } from "node:stream";
import { corrupt } from "./errors.ts";

/** What Node's decompressors have beyond a transform: how many bytes of what was written belonged to the data. */
type Decompressor = Transform & { readonly bytesWritten: number };

/** How a compressed stream is to be read: its format, and what its library's errors are as ours. */
export interface CompressedFormat {
  readonly name: string;
  translate(error: Error): Error;
  /**
   * Valid data without content, for a library that takes the beginning of a next part for nothing: it is fed behind the
   * end, where only whole parts leave it as it is.
   */
  readonly nothing?: Buffer;
}

/**
 * Makes a decompressor of `node:zlib` look at all of its input: anything but zeros behind the end of the data fails the
 * stream with Corrupt, and so do damaged and short input. Returns the same stream.
 */
export function checkedStream(stream: Decompressor, format: CompressedFormat): Transform {
  const transform = stream._transform.bind(stream);
  const flush = stream._flush.bind(stream);
  const push = stream.push.bind(stream);
  const destroy = stream.destroy.bind(stream);
  let fedBytes = 0;
  let isOver = false;
  let isFlushed = false;

  // When the library meets what it does not know behind the end it ends the output at once, and its reader then closes
  // the stream under the feet of whoever still writes. Here the output ends when the input has.
  stream.push = (chunk, encoding) => (chunk === null && !isFlushed ? false : push(chunk, encoding));
  stream._flush = (done) => {
    const finish: typeof done = (error, data) => {
      isFlushed = true;
      done(error, data);
    };
    if (isOver) return finish();
    flush((error, data) => {
      const { nothing } = format;
      if (error || nothing === undefined) return finish(error, data);
      transform(nothing, "binary", (problem) => {
        const isWhole = fedBytes + nothing.length === stream.bytesWritten;
        finish(problem ?? (isWhole ? null : endsEarly(format.name)));
      });
    });
  };
  stream._transform = (chunk: Buffer, encoding, done) => {
    if (isOver) return done(checkPadding(chunk, format.name));
    fedBytes += chunk.length;
    transform(chunk, encoding, (error) => {
      const unused = fedBytes - stream.bytesWritten;
      isOver = unused > 0;
      done(error ?? (isOver ? checkPadding(chunk.subarray(chunk.length - unused), format.name) : null));
    });
  };
  // The library reports through destroy(error); that is where its errors enter our code.
  stream.destroy = (error) => destroy(error ? format.translate(error) : error);
  return stream;
}

function endsEarly(format: string): Error {
  return corrupt(`${format}: the compressed data ends too early; the file was not stored completely`);
}

/** Behind the end of compressed data there may be nothing but zeros: tapes were filled up with them. */
export function checkPadding(bytes: Uint8Array, format: string): Error | null {
  if (bytes.every((byte) => byte === 0)) return null;
  return corrupt(`${format}: something else follows the compressed data; the file is damaged`);
}
