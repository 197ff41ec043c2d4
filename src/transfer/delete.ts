import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import type { ObjectStore } from "./object-store.ts";
import { compareKeys, ScanTargets } from "./scan-targets.ts";
import type { Channel } from "./session.ts";

const pageSize = 1000;

/**
 * Deletes what is stored under each key, none of which is empty: the object itself, and everything below `key/` (contract artifacts.md D-7).
 * Resolves to one outcome a key, in order: undefined for deleted or absent, else why not. Never throws but when
 * cancelled.
 *
 * Ten thousand keys must not cost ten thousand listings: the keys are sorted, and one listing walks over them, jumping
 * over the stretches of the bucket that belong to none. Keys that lie together share their pages.
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
  for (const key of targets.sorted) await deletion.add(key, [key]);
  await deletion.flush();
  try {
    await deleteBelow(store, targets, deletion, channel, signal);
  } catch (error) {
    signal.throwIfAborted();
    deletion.failListing(targets, error);
  }
  await deletion.flush();
  return keys.map((key) => deletion.failures.get(key));
}

async function deleteBelow(
  store: ObjectStore,
  targets: ScanTargets,
  deletion: Deletion,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  let after = targets.startOf(0);
  for (let index = 0; index < targets.sorted.length; ) {
    const from = after;
    const page = await channel.request(() => store.list(targets.prefix, from, pageSize, signal), signal);
    let hits = 0;
    for (const { key } of page.objects) {
      const owners = targets.ownersOf(key);
      if (owners.length === 0) continue;
      hits += 1;
      await deletion.add(key, owners);
    }
    const last = page.objects.at(-1)?.key;
    if (page.next === undefined || last === undefined) return;
    index = targets.indexAfter(last, index);
    // A page without a hit lies between two keys that are far apart: go on where the next one starts.
    after = hits > 0 || index >= targets.sorted.length ? page.next : later(page.next, targets.startOf(index));
  }
}

function later(a: string, b: string): string {
  return compareKeys(a, b) > 0 ? a : b;
}

/** Collects keys into full batches, and remembers for which artifact one could not be deleted. */
class Deletion {
  readonly failures = new Map<string, Error>();
  readonly #store: ObjectStore;
  readonly #channel: Channel;
  readonly #signal: AbortSignal;
  readonly #batch = new Map<string, readonly string[]>();
  #batchesAreSupported = true;

  constructor(store: ObjectStore, channel: Channel, signal: AbortSignal) {
    this.#store = store;
    this.#channel = channel;
    this.#signal = signal;
  }

  /** `owners` are the keys of the artifacts that the object belongs to. */
  async add(key: string, owners: readonly string[]): Promise<void> {
    this.#batch.set(key, owners);
    if (this.#batch.size >= this.#store.limits.deleteKeysMax) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = new Map(this.#batch);
    this.#batch.clear();
    if (batch.size === 0) return;
    if (batch.size === 1 || !this.#batchesAreSupported) return await this.#deleteSingly(batch);
    let left: readonly string[] = [...batch.keys()];
    const attempt = async () => {
      const failures = await this.#store.deleteBatch(left, this.#signal);
      const transient = [...failures].filter(([, error]) => isExecutorError(error, "Transient"));
      for (const [key, error] of failures)
        if (!isExecutorError(error, "Transient")) this.#fail(batch, key, error);
      left = transient.map(([key]) => key);
      const [first] = transient;
      if (first !== undefined) throw first[1];
    };
    try {
      await this.#channel.request(attempt, this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (isExecutorError(error, "Unsupported")) {
        this.#batchesAreSupported = false;
        await this.#deleteSingly(batch);
        return;
      }
      for (const key of left) this.#fail(batch, key, error);
    }
  }

  /** What a store that does not let us list can mean: nobody may look below the keys, so nothing is known there. */
  failListing(targets: ScanTargets, error: unknown): void {
    for (const key of targets.sorted) {
      // Like the reference, which looks below no key but those that end in "/".
      if (isExecutorError(error, "Forbidden", "Unauthorized") && !key.endsWith("/")) continue;
      if (!this.failures.has(key)) {
        this.failures.set(key, ExecutorError.wrap(error, `unable to list files in ${key}`));
      }
    }
  }

  async #deleteSingly(batch: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const deleteOne = async (key: string) => {
      try {
        await this.#channel.laneRequest(0, () => this.#store.delete(key, this.#signal), this.#signal);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!isExecutorError(error, "NotFound")) this.#fail(batch, key, error);
      }
    };
    await Promise.all([...batch.keys()].map(deleteOne));
  }

  #fail(batch: ReadonlyMap<string, readonly string[]>, key: string, error: unknown): void {
    const reason = error instanceof Error ? error : new ExecutorError("Internal", errorText(error));
    for (const owner of batch.get(key) ?? []) {
      if (!this.failures.has(owner)) this.failures.set(owner, reason);
    }
  }
}
