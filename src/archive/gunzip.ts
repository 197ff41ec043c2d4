import type { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { corrupt, isZlibError } from "./errors.ts";

/**
 * Decompresses gzip: several members in a row, zeros after the last one. Damaged or short input fails the stream with
 * Corrupt. The work runs on the libuv pool; output comes in chunks of 256 KiB (fewer trips to the pool a byte).
 */
export function gunzip(): Transform {
  const stream = createGunzip({ chunkSize: 256 * 1024 });
  const destroy = stream.destroy.bind(stream);
  // zlib reports through destroy(error), once; that is where its errors enter our code.
  stream.destroy = (error) => destroy(isZlibError(error) ? translate(error) : error);
  return stream;
}

function translate(error: Error & { readonly code: string }): Error {
  const what = error.code === "Z_BUF_ERROR" ? "the compressed data ends too early" : error.message;
  return corrupt(`gzip: ${what}; the file is damaged or was not stored completely`, error);
}
