import { ExecutorError } from "../errors/index.ts";
import { TaskGroup } from "../limits/index.ts";
import type { ObjectAttributes, ObjectInfo, ObjectStore } from "./object-store.ts";
import { abortParts, completeParts, type UploadTarget } from "./upload.ts";

export interface CopyOptions {
  /** Parts of one object in flight. */
  readonly threads: number;
  /** Undefined: chosen by size. */
  readonly partBytes: number | undefined;
  /** What the copy is to have; a copy in parts takes nothing from its source by itself. */
  readonly attributes: ObjectAttributes;
}

/** Large enough that requests do not count, small enough that one is over in seconds. */
const usualPartBytes = 256 * 1024 * 1024;
const mib = 1024 * 1024;

/** True where the store can make an object from parts of others. */
export function copiesInParts(store: ObjectStore): boolean {
  return store.startCopy !== undefined;
}

/**
 * Makes an object from one of `source` inside the service, part by part, whole or not at all: for what is larger than
 * one request copies. Throws what `copy` of a store throws; Unsupported where the store has no such requests.
 */
export async function copyInParts(
  source: { readonly store: ObjectStore; readonly info: ObjectInfo },
  target: UploadTarget,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { info } = source;
  const { store, key, channel } = target;
  if (store.startCopy === undefined)
    throw new ExecutorError("Unsupported", `${store.name} copies nothing in parts`);
  const start = store.startCopy.bind(store);
  const partBytes = copiedPartBytes(info.sizeBytes, options.partBytes, store.limits.partsMax);
  const made = { key, attributes: options.attributes };
  const upload = await channel.request(() => start(source.store, info, made, signal), signal);
  const group = new TaskGroup(options.threads, signal);
  try {
    for (let offset = 0, number = 1; offset < info.sizeBytes; offset += partBytes, number += 1) {
      const range = { offset, length: Math.min(partBytes, info.sizeBytes - offset) };
      const part = number;
      await group.start((own) => channel.laneRequest(0, () => upload.copy(part, range, own), own));
    }
    await group.settle();
    await completeParts(target, upload, info.sizeBytes, signal);
  } catch (error) {
    await group.cancel(error);
    await abortParts(target, upload);
    throw error;
  }
}

function copiedPartBytes(sizeBytes: number, wanted: number | undefined, partsMax: number): number {
  const least = Math.ceil(sizeBytes / partsMax / mib) * mib;
  return Math.max(least, wanted ?? usualPartBytes);
}
