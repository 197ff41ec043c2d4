import type { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { corrupt, zlibError } from "./errors.ts";

/** As a value of its own, because the types of `createGunzip` do not know that its options are a stream's, too. */
const buffering = { chunkSize: 256 * 1024, highWaterMark: 1024 * 1024 };

/**
 * Decompresses gzip in one thread: several members in a row, zeros after the last one. Damaged or short input, and anything but
 * zeros behind the end, fails the stream with Corrupt. The work runs on the libuv pool; output comes in chunks of
 * 256 KiB (fewer trips to the pool a byte), and runs ahead of its reader by a few of them.
 */
export function gunzipStream(): Transform {
  const stream = createGunzip(buffering);
  const transform = stream._transform.bind(stream);
  const flush = stream._flush.bind(stream);
  const push = stream.push.bind(stream);
  const destroy = stream.destroy.bind(stream);
  let fedBytes = 0;
  let isOver = false;
  let isFlushed = false;

  // When zlib meets zeros behind a member it ends the output at once, and its reader then closes the stream under the
  // feet of whoever still writes zeros. Here the output ends when the input has.
  stream.push = (chunk, encoding) => (chunk === null && !isFlushed ? false : push(chunk, encoding));
  stream._flush = (done) => {
    const finish: typeof done = (error, data) => {
      isFlushed = true;
      done(error, data);
    };
    if (isOver) finish();
    else flush(finish);
  };
  stream._transform = (chunk: Buffer, encoding, done) => {
    if (isOver) return done(checkPadding(chunk));
    fedBytes += chunk.length;
    transform(chunk, encoding, (error) => {
      const unused = fedBytes - stream.bytesWritten;
      isOver = unused > 0;
      done(error ?? (isOver ? checkPadding(chunk.subarray(chunk.length - unused)) : null));
    });
  };
  // zlib reports through destroy(error); that is where its errors enter our code.
  stream.destroy = (error) => destroy(error ? zlibError(error) : error);
  return stream;
}

/** Behind the end of gzip data there may be nothing but zeros: tapes were filled up with them. */
export function checkPadding(bytes: Uint8Array): Error | null {
  if (bytes.every((byte) => byte === 0)) return null;
  return corrupt("gzip: something else follows the compressed data; the file is damaged");
}
