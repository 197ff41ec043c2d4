import type { Readable } from "node:stream";
import { ExecutorError, isExecutorError } from "../errors/index.ts";
import type { FileContent } from "../streams/index.ts";
import { noteTransfer } from "../tracing/index.ts";
import type { MultipartUpload, ObjectAttributes, ObjectStore } from "./object-store.ts";
import { planParts } from "./part-size.ts";
import { type Part, partsOf } from "./parts.ts";
import type { Channel } from "./session.ts";

export interface UploadOptions {
  readonly attributes: ObjectAttributes;
  /** Parts of one object in flight. */
  readonly threads: number;
  readonly partBytes: number | undefined;
}

const abortTimeoutMs = 15_000;

/** Where an upload goes. */
export interface UploadTarget {
  readonly store: ObjectStore;
  readonly key: string;
  readonly channel: Channel;
}

/**
 * Stores one file under `key`, whole or not at all: as a single put where it fits into one part, else by a multipart
 * upload, which is aborted when anything fails or the signal fires.
 */
export async function uploadObject(
  target: UploadTarget,
  content: FileContent,
  options: UploadOptions,
  signal: AbortSignal,
): Promise<void> {
  const { store, key, channel } = target;
  if (store.limits.takesParts === false && content.replayable)
    return await putWithoutParts({ ...target, content, options, signal });
  const plan = planParts(content.sizeBytes, options.partBytes, store.limits, channel.memory.totalBytes);
  // Its own signal ends the reading when a part that is under way fails.
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  const parts = partsOf(content, plan, channel, either);
  const upload = { ...target, content, options, failing, signal: either };
  try {
    const { value: first } = await parts.next();
    if (first === undefined) throw new ExecutorError("Internal", `${key}: content without a part`);
    if (first.isLast) await putWhole(upload, first);
    else await uploadParts(upload, first, parts);
  } catch (error) {
    // What failed first is what the user has to know; the rest only followed from it.
    const cause = failing.signal.aborted && !signal.aborted ? failing.signal.reason : error;
    if (!(cause instanceof NoMultipart)) throw cause;
    await parts.return(undefined);
    await putWithoutParts({ ...upload, signal });
  } finally {
    failing.abort();
    await parts.return(undefined);
  }
}

async function putWhole(upload: Upload, part: Part): Promise<void> {
  const { store, key, content, options, channel, signal } = upload;
  try {
    expectSize(content, part.sizeBytes);
    const put = () => store.put(key, part.payload, options.attributes, signal);
    await channel.laneRequest(part.sizeBytes, put, signal);
    noteTransfer(part.sizeBytes);
  } finally {
    part.release();
  }
}

interface Upload extends UploadTarget {
  readonly content: FileContent;
  readonly options: UploadOptions;
  /** Aborted when a part that is under way fails. */
  readonly failing: AbortController;
  /** Fires for `failing`, too. */
  readonly signal: AbortSignal;
}

/** The store has no multipart uploads. */
class NoMultipart extends Error {}

async function uploadParts(upload: Upload, first: Part, rest: AsyncGenerator<Part>): Promise<void> {
  const { store, key, content, options, channel, failing, signal } = upload;
  const started = await startUpload(upload, first);
  using progress = channel.progress("Saving artifact", key, content.sizeBytes);
  const inFlight = new Set<Promise<void>>();
  let sentBytes = 0;
  const threads = store.limits.partsInOrder ? 1 : options.threads;
  const send = (part: Part) => {
    sentBytes += part.sizeBytes;
    const put = () => started.put(part.number, part.payload, signal);
    const sending = channel
      .laneRequest(part.sizeBytes, put, signal)
      .then(() => progress.noteBytes(part.sizeBytes))
      .catch((error: unknown) => failing.abort(error))
      .finally(() => {
        part.release();
        inFlight.delete(sending);
      });
    inFlight.add(sending);
  };
  try {
    send(first);
    for await (const part of rest) {
      // The next part is read while those before it are on their way.
      while (inFlight.size >= threads) await Promise.race(inFlight);
      send(part);
    }
    await Promise.all(inFlight);
    signal.throwIfAborted();
    expectSize(content, sentBytes);
    await completeParts(upload, started, sentBytes, signal);
    noteTransfer(sentBytes);
  } catch (error) {
    failing.abort(error);
    await Promise.all(inFlight);
    await abortParts(upload, started);
    throw error;
  }
}

/** Whatever signal has fired: the parts must go, or the store keeps them, and bills them, for ever. */
export async function abortParts(
  { channel }: UploadTarget,
  started: Pick<MultipartUpload, "abort">,
): Promise<void> {
  const limit = AbortSignal.timeout(abortTimeoutMs);
  await channel.request(() => started.abort(limit), limit).catch(() => {});
}

async function startUpload(
  { store, key, options, channel, signal }: Upload,
  first: Part,
): Promise<MultipartUpload> {
  try {
    return await channel.request(() => store.startUpload(key, options.attributes, signal), signal);
  } catch (error) {
    first.release();
    throw isExecutorError(error, "Unsupported") ? new NoMultipart() : error;
  }
}

/** Completes, and asks what is there afterwards: the answer to a completion that was repeated may be "no such upload". */
export async function completeParts(
  { store, key, channel }: UploadTarget,
  started: Pick<MultipartUpload, "complete">,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<void> {
  let tries = 0;
  const attempt = async () => {
    tries += 1;
    try {
      await started.complete(signal);
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
async function putWithoutParts({
  store,
  key,
  content,
  options,
  channel,
  signal,
}: Omit<Upload, "failing">): Promise<void> {
  if (!content.replayable) {
    const text = `${key}: the store has no multipart uploads and the content, which cannot be read twice, exceeds one part`;
    throw new ExecutorError("Unsupported", text);
  }
  const sizeBytes = content.sizeBytes ?? (await measure(content.open(), signal));
  if (sizeBytes > store.limits.putBytesMax) {
    const text = `${key}: ${sizeBytes} bytes, and the store takes at most ${store.limits.putBytesMax} at once and has no multipart uploads`;
    throw new ExecutorError("TooLarge", text);
  }
  const payload = { sizeBytes, open: () => content.open() };
  await channel.laneRequest(sizeBytes, () => store.put(key, payload, options.attributes, signal), signal);
  noteTransfer(sizeBytes);
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
export function expectSize(content: FileContent, sentBytes: number): void {
  if (content.sizeBytes === undefined || content.sizeBytes === sentBytes) return;
  const text = `${content.name} changed while it was saved: ${sentBytes} bytes were read, ${content.sizeBytes} were announced`;
  throw new ExecutorError("Corrupt", text);
}
