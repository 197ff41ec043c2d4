import { createWriteStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { pipeline as finished } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { ExecutorError } from "../errors/index.ts";
import { byteStream } from "../streams/index.ts";
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
  return byteStream(inflated(store, info, channel, signal));
}

async function* inflated(
  store: ObjectStore,
  info: ObjectInfo,
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // A failure of either reaches the reader as that of the last stream.
  const gunzip = pipeline(openDownload(store, info, channel, signal), createGunzip(), () => {});
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause) || !/^Z_/.test(String(cause.code))) throw cause;
    const text = `${info.key}: the store says that it is gzip, and its content is damaged or no gzip`;
    throw new ExecutorError("Corrupt", `${text}: ${cause.message}`, { cause });
  }
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
