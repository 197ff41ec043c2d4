import { ExecutorError } from "../errors/index.ts";
import { payloadOf } from "../http/index.ts";
import { type ByteSink, byteStream, type FileContent, sinkInto } from "../streams/index.ts";
import { noteTransfer } from "../tracing/index.ts";
import { openDownload } from "./download.ts";
import type { ObjectAttributes, ObjectInfo, ObjectStore } from "./object-store.ts";
import { rangeChunks, rangeInto } from "./range-reads.ts";
import type { Channel } from "./session.ts";
import { slabBytes } from "./slabs.ts";
import { uploadObject } from "./upload.ts";
import { Verification } from "./verification.ts";

/** An end of a relay. */
export interface RelayEnd {
  readonly store: ObjectStore;
  readonly channel: Channel;
}

export interface RelayOptions {
  /** Parts of one object in flight. */
  readonly threads: number;
  /** Undefined: chosen by size. */
  readonly partBytes: number | undefined;
  /** What the target's object gets where the source keeps no attributes, by the object's key. */
  defaultAttributes(key: string): Promise<ObjectAttributes>;
}

/** Objects up to this size are read by one request and written by one. */
const wholeBytes = 4 * 1024 * 1024;
/** Node cuts buffers below this size out of larger ones. */
const pooledBytes = 4000;
/** Contents above this size stand in blocks of the session's, which are used again. */
const slabBytesMin = slabBytes / 2;
/** What a request in flight takes besides its content. */
const requestBytes = 16 * 1024;

/**
 * Moves one object from a store to another through memory, with its attributes: whole or not at all. The bytes are
 * checked against what the source knows of them before the target publishes them, and by the target as it can.
 * @param info as a listing or a look-up tells of it; Conflict where the object is another one by now
 */
export async function relayObject(
  source: RelayEnd & { readonly info: ObjectInfo },
  target: RelayEnd & { readonly key: string },
  options: RelayOptions,
  signal: AbortSignal,
): Promise<void> {
  const { info } = source;
  const largestBytes = Math.min(wholeBytes, Math.floor(source.channel.memory.totalBytes / 4));
  if (info.sizeBytes <= largestBytes) await relayWhole(source, target, options, signal);
  else await relayParts(source, target, options, signal);
}

type Source = RelayEnd & { readonly info: ObjectInfo };
type Target = RelayEnd & { readonly key: string };

async function relayWhole(
  source: Source,
  target: Target,
  options: RelayOptions,
  signal: AbortSignal,
): Promise<void> {
  const { store, channel, info } = source;
  const usesSlabs = info.sizeBytes >= slabBytesMin;
  const contentBytes = usesSlabs ? Math.ceil(info.sizeBytes / slabBytes) * slabBytes : info.sizeBytes;
  // A quarter of the memory is enough for many objects in flight, and is all that they take.
  const acquiredBytes = 4 * contentBytes + requestBytes;
  const release = await channel.memory.acquire(acquiredBytes, signal);
  const buffer = channel.slabs.open();
  try {
    const small = usesSlabs ? undefined : allocate(info.sizeBytes);
    const sink = small === undefined ? buffer : sinkInto(small);
    const verification = new Verification(store, info, channel, signal);
    if (info.sizeBytes > 0) {
      const reading = { store, info, channel, verification };
      const whole = { offset: 0, length: info.sizeBytes };
      await channel.lane.run(info.sizeBytes, () => rangeInto(reading, whole, sink, signal), signal);
    }
    const content = payloadOf(...(small === undefined ? buffer.views() : [small]));
    let isVerified = false;
    const verify = async () => {
      if (isVerified) return;
      isVerified = true;
      for (const chunk of content.chunks) verification.update(chunk);
      await verification.verify();
    };
    const { digests } = verification;
    // What the source says of the bytes goes with them to the target, which refuses others: nobody has to compute it here.
    const isChecked = digests.md5 !== undefined && target.store.limits.checksMd5 === true;
    if (!isChecked) await verify();
    const payload = isChecked ? { ...content, digests } : content;
    const attributes = await attributesOf(source, verification.attributes, options, signal);
    const put = async () => {
      try {
        await target.store.put(target.key, payload, attributes, signal);
      } catch (error) {
        // Whose fault it was, that of the way here or of the way there.
        if (isChecked && !signal.aborted) await verify();
        throw error;
      }
    };
    await target.channel.laneRequest(info.sizeBytes, put, signal);
    noteTransfer(info.sizeBytes);
  } finally {
    buffer.release();
    release();
  }
}

/** A block of memory of its own for a kilobyte is dearer than the kilobyte: V8 has to let go of each by itself. */
function allocate(bytes: number): Buffer {
  return bytes <= pooledBytes ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
}

async function relayParts(
  source: Source,
  target: Target,
  options: RelayOptions,
  signal: AbortSignal,
): Promise<void> {
  const attributes = await attributesOf(source, undefined, options, signal);
  const { threads, partBytes } = options;
  const content = relayedContent(source, signal);
  await uploadObject(target, content, { threads, partBytes, attributes }, signal);
}

/** The object's bytes as an upload takes them: range by range, in order, checked when the last one has come. */
function relayedContent({ store, channel, info }: Source, signal: AbortSignal): FileContent {
  let verification = new Verification(store, info, channel, signal);
  let reached = 0;
  return {
    name: info.key,
    sizeBytes: info.sizeBytes,
    replayable: true,
    open(range) {
      if (range === undefined) return openDownload(store, info, channel, signal);
      // A part that is too large for the memory: nobody knows a digest of it.
      const verification = new Verification(store, info, channel, signal);
      return byteStream(rangeChunks({ store, info, channel, verification }, range, signal));
    },
    async readInto(range, sink, own) {
      if (range.offset !== reached) {
        if (range.offset !== 0)
          throw new ExecutorError("Internal", `${info.key}: parts are not read in order`);
        verification = new Verification(store, info, channel, signal);
      }
      const { watching, showWaiting } = watched(sink, verification);
      await rangeInto({ store, info, channel, verification }, range, watching, own);
      showWaiting();
      reached = range.offset + range.length;
      if (reached === info.sizeBytes) await verification.verify();
    },
  };
}

interface WatchedSink {
  readonly watching: ByteSink;
  /** Shows what came before the answer had said what it is to be checked by. */
  showWaiting(): void;
}

/**
 * Shows the bytes that come to a sink to the verification, too. Those of the first range come before the answer that
 * tells whether the tag is a digest at all; they stand in the sink until then.
 */
function watched(sink: ByteSink, verification: Verification): WatchedSink {
  const waiting: Uint8Array[] = [];
  return {
    watching: {
      space: () => sink.space(),
      filled(bytes) {
        const piece = sink.space().subarray(0, bytes);
        sink.filled(bytes);
        if (verification.hasHeard) verification.update(piece);
        else waiting.push(piece);
      },
    },
    showWaiting() {
      for (const piece of waiting) verification.update(piece);
    },
  };
}

/** What the read said, or else what a look-up says, where anything is kept. */
async function attributesOf(
  { store, channel, info }: Source,
  heard: ObjectAttributes | undefined,
  options: RelayOptions,
  signal: AbortSignal,
): Promise<ObjectAttributes> {
  const { modifiedMs } = info;
  if (store.limits.keepsAttributes === false) {
    return { ...(await options.defaultAttributes(info.key)), modifiedMs };
  }
  if (heard !== undefined) return { ...heard, modifiedMs };
  const now = await channel.request(() => store.head(info.key, signal), signal);
  if (info.etag !== undefined && now.etag !== info.etag) {
    throw new ExecutorError("Conflict", `${info.key} was replaced while it was read`);
  }
  return { ...(now.attributes ?? (await options.defaultAttributes(info.key))), modifiedMs };
}
