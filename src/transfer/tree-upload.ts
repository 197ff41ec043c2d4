import { posix } from "node:path";
import { payloadOf } from "../http/index.ts";
import type { Content, ObjectStore } from "./object-store.ts";
import type { Channel } from "./session.ts";
import { TaskGroup } from "./tasks.ts";
import { expectSize, type UploadOptions, uploadObject } from "./upload.ts";

/** Files whose content is read before the walk goes on are at most this large; others are stored one at a time. */
const smallBytes = 1024 * 1024;
const filesMax = 128;

/** A directory on its way to a store (artifacts/driver.ts TreeContent). */
export interface Tree {
  files(signal: AbortSignal): AsyncIterable<{ readonly path: string; readonly content: Content }>;
}

export interface TreeUploadOptions extends Omit<UploadOptions, "contentType"> {
  contentType(name: string): Promise<string>;
}

/**
 * Stores every file of the tree under `join(key, path)`. Small files go whole, many at a time; large ones in parts,
 * whose requests share the lane and the memory with everything else. The first failure stops the walk and fails the
 * artifact; what was stored by then stays, as it does in the reference.
 */
export async function uploadTree(
  store: ObjectStore,
  key: string,
  tree: Tree,
  options: TreeUploadOptions,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const group = new TaskGroup(filesMax, signal);
  try {
    for await (const { path, content } of tree.files(group.signal)) {
      const target = posix.join(key, path);
      const contentType = await options.contentType(content.name);
      if (content.sizeBytes !== undefined && content.sizeBytes <= smallBytes) {
        await uploadSmall(store, target, content, contentType, channel, group);
      } else if (content.replayable) {
        const fileOptions = { ...options, contentType };
        await group.start((either) => uploadObject(store, target, content, fileOptions, channel, either));
      } else {
        await uploadObject(store, target, content, { ...options, contentType }, channel, group.signal);
      }
    }
    await group.settle();
  } catch (error) {
    await group.cancel(error);
    throw group.signal.reason;
  }
}

async function uploadSmall(
  store: ObjectStore,
  key: string,
  content: Content,
  contentType: string,
  channel: Channel,
  group: TaskGroup,
): Promise<void> {
  // A request costs memory too, and the budget is what keeps a thousand small files from being in memory at once.
  const release = await channel.memory.acquire((content.sizeBytes ?? 0) + 4096, group.signal);
  let chunks: Uint8Array[];
  try {
    chunks = await content.open().toArray({ signal: group.signal });
  } catch (error) {
    release();
    throw error;
  }
  try {
    const payload = payloadOf(...chunks);
    expectSize(content, payload.sizeBytes);
    await group.start(async (either) => {
      const put = () => store.put(key, payload, contentType, either);
      await channel.laneRequest(payload.sizeBytes, put, either).finally(release);
    });
  } catch (error) {
    release();
    throw error;
  }
}
