import type { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { checkedStream } from "./checked-stream.ts";
import { zlibError } from "./errors.ts";

/** As a value of its own, because the types of `createGunzip` do not know that its options are a stream's, too. */
const buffering = { chunkSize: 256 * 1024, highWaterMark: 1024 * 1024 };

/**
 * Decompresses gzip in one thread: several members in a row, zeros after the last one. Damaged or short input, and anything but
 * zeros behind the end, fails the stream with Corrupt. The work runs on the libuv pool; output comes in chunks of
 * 256 KiB (fewer trips to the pool a byte), and runs ahead of its reader by a few of them.
 */
export function gunzipStream(): Transform {
  return checkedStream(createGunzip(buffering), { name: "gzip", translate: zlibError });
}
