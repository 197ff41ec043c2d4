import { createWriteStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { pipeline as finished } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { openDownload } from "./download.ts";
import type { ObjectInfo, ObjectStore } from "./object-store.ts";
import type { Channel } from "./session.ts";

/**
 * The content of an object that is stored as gzip and meant to be read without: Google's service inflates it on the
 * way, without ranges, length or checksum. We take the stored bytes, with all three, and inflate them here.
 */
export function openInflated(
  store: ObjectStore,
  info: ObjectInfo,
  channel: Channel,
  signal: AbortSignal,
): Readable {
  // A failure reaches the reader as that of the last stream.
  return pipeline(openDownload(store, info, channel, signal), createGunzip(), () => {});
}

/** The same into the file `path`, which must not exist. */
export async function inflateToFile(
  store: ObjectStore,
  info: ObjectInfo,
  path: string,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const file = createWriteStream(path, { flags: "wx", mode: 0o644 });
  await finished(openInflated(store, info, channel, signal), file, { signal });
}
