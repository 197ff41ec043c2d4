import { posix } from "node:path";
import { type MemoryPayload, payloadOf } from "../http/index.ts";
import { TaskGroup } from "../limits/index.ts";
import type { FileContent, TreeContent } from "../streams/index.ts";
import { noteTransfer } from "../tracing/index.ts";
import type { ObjectAttributes } from "./object-store.ts";
import type { Progress } from "./progress.ts";
import { expectSize, type UploadOptions, type UploadTarget, uploadObject } from "./upload.ts";

/** Files whose content is read before the walk goes on are at most this large; others are stored one at a time. */
const smallBytes = 1024 * 1024;
const filesMax = 128;

export interface TreeUploadOptions extends Omit<UploadOptions, "attributes"> {
  contentType(name: string): Promise<string>;
}

/**
 * Stores every file of the tree under `join(key, path)`. Small files go whole, many at a time; large ones in parts,
 * whose requests share the lane and the memory with everything else. The first failure stops the walk and fails the
 * artifact; what was stored by then stays, as it does in the reference.
 */
export async function uploadTree(
  { store, key, channel }: UploadTarget,
  tree: TreeContent,
  options: TreeUploadOptions,
  signal: AbortSignal,
): Promise<void> {
  const group = new TaskGroup(filesMax, signal);
  using progress = channel.progress("Saving artifact", key);
  try {
    for await (const { path, content } of tree.files(group.signal)) {
      const target = { store, key: posix.join(key, path), channel };
      const attributes = { contentType: await options.contentType(content.name) };
      if (content.sizeBytes !== undefined && content.sizeBytes <= smallBytes) {
        await uploadSmall({ ...target, content, attributes, progress }, group);
        continue;
      }
      const upload = async (either: AbortSignal) => {
        await uploadObject(target, content, { ...options, attributes }, either);
        progress.noteFile(content.sizeBytes ?? 0);
      };
      if (content.replayable) {
        await group.start(upload);
      } else {
        await upload(group.signal);
      }
    }
    await group.settle();
  } catch (error) {
    await group.cancel(error);
    throw group.signal.reason;
  }
}

interface SmallUpload extends UploadTarget {
  readonly content: FileContent;
  readonly attributes: ObjectAttributes;
  readonly progress: Progress;
}

async function uploadSmall(upload: SmallUpload, group: TaskGroup): Promise<void> {
  const { content, channel } = upload;
  // A request costs memory too, and the budget is what keeps a thousand small files from being in memory at once.
  const release = await channel.memory.acquire((content.sizeBytes ?? 0) + 4096, group.signal);
  try {
    // What can be read at any time is read beside others; what comes out of one stream is read when it is its turn.
    const isThere = content.bytes !== undefined || !content.replayable;
    const read = isThere ? await readWhole(content, group.signal) : undefined;
    await group.start(async (either) => {
      try {
        await putSmall(upload, read ?? (await readWhole(content, either)), either);
      } finally {
        release();
      }
    });
  } catch (error) {
    release();
    throw error;
  }
}

async function putSmall(
  { store, key, attributes, channel, progress }: SmallUpload,
  payload: MemoryPayload,
  signal: AbortSignal,
): Promise<void> {
  const put = () => store.put(key, payload, attributes, signal);
  await channel.laneRequest(payload.sizeBytes, put, signal);
  progress.noteFile(payload.sizeBytes);
  noteTransfer(payload.sizeBytes);
}

async function readWhole(content: FileContent, signal: AbortSignal): Promise<MemoryPayload> {
  if (content.bytes !== undefined) return payloadOf(content.bytes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.open()) {
    signal.throwIfAborted();
    chunks.push(chunk as Uint8Array);
  }
  const payload = payloadOf(...chunks);
  expectSize(content, payload.sizeBytes);
  return payload;
}
