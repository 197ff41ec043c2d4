import { ExecutorError, isExecutorError } from "../errors/index.ts";
import { TaskGroup } from "../limits/index.ts";
import { ObjectDeleter } from "./delete-objects.ts";
import { listObjects } from "./listing.ts";
import type { ObjectStore } from "./object-store.ts";
import { compareKeys, ScanTargets } from "./scan-targets.ts";
import type { Channel } from "./session.ts";

/** A first page tells whether there is anything at all, which there rarely is; then they grow. */
const firstPageSize = 16;
const pageSizeMax = 1000;

/**
 * Deletes what is stored under each key, none of which is empty: the object itself, and everything below `key/` (docs/contract/artifacts.md#D-7).
 * Resolves to one outcome a key, in order: undefined for deleted or absent, else why not. Never throws but when
 * cancelled.
 *
 * Ten thousand keys must not cost ten thousand listings: one listing walks over the keys in their order, jumping over
 * the stretches of the bucket that belong to none. Keys that lie together share their pages.
 */
export async function deleteKeys(
  store: ObjectStore,
  keys: readonly string[],
  channel: Channel,
  signal: AbortSignal,
): Promise<readonly (Error | undefined)[]> {
  if (keys.length === 0) return [];
  const deletion = new Deletion(store, channel, signal);
  const targets = new ScanTargets(keys);
  if (store.limits.listsFromAnyKey !== false) await deletion.delete([...targets.keys], (key) => [key]);
  try {
    if (store.limits.listsFromAnyKey === false)
      await deleteEachBelow(store, targets, deletion, channel, signal);
    else await deleteBelow(store, targets, deletion, channel, signal);
  } catch (error) {
    signal.throwIfAborted();
    deletion.failListing(targets, error);
  }
  return keys.map((key) => deletion.failures.get(key));
}

async function deleteBelow(
  store: ObjectStore,
  targets: ScanTargets,
  deletion: Deletion,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const { deleteKeysMax } = store.limits;
  const found: string[] = [];
  const deleteFound = (most: number) =>
    deletion.delete(found.splice(0, most), (key) => targets.ownersOf(key));
  let after = targets.startOf(0);
  let pageSize = firstPageSize;
  try {
    for (let index = 0; index < targets.count; ) {
      const query = { after, pageSize };
      const page = await channel.request(
        () => store.list(targets.prefix, query.after, query.pageSize, signal),
        signal,
      );
      const hits = page.objects.filter(({ key }) => targets.ownersOf(key).length > 0);
      for (const { key } of hits) found.push(key);
      while (found.length >= deleteKeysMax) await deleteFound(deleteKeysMax);
      const last = page.objects.at(-1)?.key;
      if (page.next === undefined || last === undefined) return;
      index = targets.indexAfter(last, index);
      // A page without a hit lies between two keys that are far apart: go on where the next one starts.
      after =
        hits.length > 0 || index >= targets.count ? page.next : later(page.next, targets.startOf(index));
      pageSize = Math.min(pageSize * 4, pageSizeMax);
    }
  } finally {
    await deleteFound(found.length);
  }
}

/** How many folders are looked through at once. */
const foldersAtOnce = 16;

/**
 * For stores whose listings begin at the prefix only: each key has a listing of its own. What lies below a key goes
 * first and the key last, because a hierarchical store keeps folders that hold something.
 */
async function deleteEachBelow(
  store: ObjectStore,
  targets: ScanTargets,
  deletion: Deletion,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const group = new TaskGroup(foldersAtOnce, signal);
  const deleteOne = async (key: string, either: AbortSignal) => {
    const prefix = key.endsWith("/") ? key : `${key}/`;
    const owners = () => [key];
    const folders: string[] = [];
    const files: string[] = [];
    try {
      for await (const object of listObjects(store, prefix, channel, either)) {
        (object.isFolder ? folders : files).push(object.key);
        if (files.length >= store.limits.deleteKeysMax) await deletion.delete(files.splice(0), owners);
      }
    } catch (error) {
      either.throwIfAborted();
      deletion.failListingOf(key, error);
    }
    await deletion.delete(files, owners);
    // The deepest first, and one after the other: a folder goes when it is empty.
    for (const folder of folders.reverse()) await deletion.delete([folder], owners);
  };
  try {
    for (const key of targets.keys) await group.start((either) => deleteOne(key, either));
    await group.settle();
  } catch (error) {
    await group.cancel(error);
    throw group.signal.reason;
  }
  await deletion.delete([...targets.keys], (key) => [key]);
}

function later(a: string, b: string): string {
  return compareKeys(a, b) > 0 ? a : b;
}

/** The artifacts, by their keys, that an object belongs to. */
type Owners = (key: string) => readonly string[];

/** Deletes, and remembers for which artifact an object could not be deleted. */
class Deletion {
  readonly failures = new Map<string, Error>();
  readonly #deleter: ObjectDeleter;
  readonly #signal: AbortSignal;

  constructor(store: ObjectStore, channel: Channel, signal: AbortSignal) {
    this.#deleter = new ObjectDeleter(store, channel);
    this.#signal = signal;
  }

  async delete(keys: readonly string[], owners: Owners): Promise<void> {
    const failures = await this.#deleter.delete(keys, this.#signal);
    for (const [key, error] of failures) this.#fail(owners(key), error);
  }

  /** What a store that does not let us list can mean: nobody may look below the keys, so nothing is known there. */
  failListing(targets: ScanTargets, error: unknown): void {
    for (const key of targets.keys) this.failListingOf(key, error);
  }

  failListingOf(key: string, error: unknown): void {
    // Like the reference, which looks below no key but those that end in "/".
    if (isExecutorError(error, "Forbidden", "Unauthorized") && !key.endsWith("/")) return;
    if (!this.failures.has(key)) {
      this.failures.set(key, ExecutorError.wrap(error, `unable to list files in ${key}`));
    }
  }

  #fail(owners: readonly string[], error: Error): void {
    for (const owner of owners) {
      if (!this.failures.has(owner)) this.failures.set(owner, error);
    }
  }
}
