import type { Readable } from "node:stream";
import { ExecutorError, isExecutorError } from "../errors/index.ts";
import { payloadOf } from "../http/index.ts";
import type { Content, ObjectStore, UploadedPart } from "./object-store.ts";
import { PartReader } from "./part-reader.ts";
import { planParts } from "./part-size.ts";
import type { Channel } from "./session.ts";

export interface UploadOptions {
  readonly contentType: string;
  /** Parts of one object in flight. */
  readonly threads: number;
  readonly partBytes: number | undefined;
}

const abortTimeoutMs = 15_000;

/**
 * Stores one file under `key`, whole or not at all: as a single put where it fits into one part, else by a multipart
 * upload, which is aborted when anything fails or the signal fires.
 */
export async function uploadObject(
  store: ObjectStore,
  key: string,
  content: Content,
  options: UploadOptions,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const { sizeBytes } = content;
  const plan = planParts(sizeBytes, options.partBytes, store.limits, channel.memory.totalBytes);
  const source = new PartReader(content.open(), signal);
  try {
    const firstBytes = Math.min(plan.sizeAt(0, 1), sizeBytes ?? Number.POSITIVE_INFINITY);
    const first = await readPart(source, Math.max(1, firstBytes), channel, signal);
    if (await source.hasEnded()) {
      try {
        expectSize(content, first.sizeBytes);
        const put = () => store.put(key, payloadOf(...first.chunks), options.contentType, signal);
        await channel.laneRequest(first.sizeBytes, put, signal);
      } finally {
        first.release();
      }
      return;
    }
    try {
      await uploadParts(store, key, content, source, first, options, channel, signal);
    } catch (error) {
      if (!isExecutorError(error, "Unsupported")) throw error;
      source.close();
      await putWithoutParts(store, key, content, options, channel, signal);
    }
  } finally {
    source.close();
  }
}

async function uploadParts(
  store: ObjectStore,
  key: string,
  content: Content,
  source: PartReader,
  first: Part,
  options: UploadOptions,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  let upload: string;
  try {
    upload = await channel.request(() => store.startUpload(key, options.contentType, either), either);
  } catch (error) {
    first.release();
    throw error;
  }
  const inFlight = new Set<Promise<void>>();
  const done: UploadedPart[] = [];
  const send = (part: Part, number: number) => {
    const put = () => store.putPart(key, upload, number, payloadOf(...part.chunks), either);
    const sending = channel
      .laneRequest(part.sizeBytes, put, either)
      .then((uploaded) => void done.push(uploaded))
      .catch((error: unknown) => {
        failing.abort(error);
        source.close();
      })
      .finally(() => {
        part.release();
        inFlight.delete(sending);
      });
    inFlight.add(sending);
  };
  try {
    const plan = planParts(content.sizeBytes, options.partBytes, store.limits, channel.memory.totalBytes);
    send(first, 1);
    let sentBytes = first.sizeBytes;
    for (let number = 2; !(await source.hasEnded()); number += 1) {
      while (inFlight.size >= options.threads) await Promise.race(inFlight);
      either.throwIfAborted();
      const part = await readPart(source, plan.sizeAt(sentBytes, number), channel, either);
      sentBytes += part.sizeBytes;
      send(part, number);
    }
    await Promise.all(inFlight);
    either.throwIfAborted();
    expectSize(content, sentBytes);
    const parts = done.sort((a, b) => a.number - b.number);
    await complete(store, key, upload, parts, sentBytes, channel, either);
  } catch (error) {
    const cause = failing.signal.aborted && !signal.aborted ? failing.signal.reason : error;
    failing.abort(cause);
    await Promise.all(inFlight);
    // The signal may have fired already; the parts must go all the same, or the store bills them for ever.
    const limit = AbortSignal.timeout(abortTimeoutMs);
    await channel.request(() => store.abortUpload(key, upload, limit), limit).catch(() => {});
    throw cause;
  }
}

/** Completes, and asks what is there afterwards: the answer to a completion that was repeated may be "no such upload". */
async function complete(
  store: ObjectStore,
  key: string,
  upload: string,
  parts: readonly UploadedPart[],
  sizeBytes: number,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  let tries = 0;
  const attempt = async () => {
    tries += 1;
    try {
      await store.completeUpload(key, upload, parts, signal);
    } catch (error) {
      if (tries === 1 || !isExecutorError(error, "NotFound")) throw error;
    }
  };
  await channel.request(attempt, signal);
  let stored: number;
  try {
    stored = (await channel.request(() => store.head(key, signal), signal)).sizeBytes;
  } catch (error) {
    // Some identities may write and not read.
    if (isExecutorError(error, "Forbidden", "Unauthorized")) return;
    throw error;
  }
  if (stored !== sizeBytes) {
    throw new ExecutorError("Corrupt", `${key}: ${sizeBytes} bytes were sent, the store holds ${stored}`);
  }
}

/** For stores without multipart uploads: one put, streamed. Its length must be known, so a stream is measured first. */
async function putWithoutParts(
  store: ObjectStore,
  key: string,
  content: Content,
  options: UploadOptions,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  if (!content.replayable) {
    const text = `${key}: the store has no multipart uploads and the content, which cannot be read twice, exceeds one part`;
    throw new ExecutorError("Unsupported", text);
  }
  const sizeBytes = content.sizeBytes ?? (await measure(content.open(), signal));
  if (sizeBytes > store.limits.putMaxBytes) {
    const text = `${key}: ${sizeBytes} bytes, and the store takes at most ${store.limits.putMaxBytes} at once and has no multipart uploads`;
    throw new ExecutorError("TooLarge", text);
  }
  const payload = { sizeBytes, open: () => content.open() };
  await channel.laneRequest(sizeBytes, () => store.put(key, payload, options.contentType, signal), signal);
}

async function measure(stream: Readable, signal: AbortSignal): Promise<number> {
  let sizeBytes = 0;
  for await (const chunk of stream) {
    signal.throwIfAborted();
    sizeBytes += (chunk as Uint8Array).byteLength;
  }
  return sizeBytes;
}

/** Throws Corrupt where a file did not have the bytes that it announced. */
export function expectSize(content: Content, sentBytes: number): void {
  if (content.sizeBytes === undefined || content.sizeBytes === sentBytes) return;
  const text = `${content.name} changed while it was saved: ${sentBytes} bytes were read, ${content.sizeBytes} were announced`;
  throw new ExecutorError("Corrupt", text);
}

interface Part {
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  release(): void;
}

async function readPart(
  source: PartReader,
  sizeBytes: number,
  channel: Channel,
  signal: AbortSignal,
): Promise<Part> {
  const giveBack = await channel.memory.acquire(sizeBytes, signal);
  const buffer = channel.slabs.open();
  const release = () => {
    buffer.release();
    giveBack();
  };
  try {
    await source.read(sizeBytes, buffer);
    return { chunks: buffer.views(), sizeBytes: buffer.sizeBytes, release };
  } catch (error) {
    release();
    throw error;
  }
}
