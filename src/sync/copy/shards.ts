import { crc32 } from "node:zlib";
import { ExecutorError } from "../../errors/index.ts";
import type { KeyRange } from "../repository/index.ts";
import type { Selection } from "../selection.ts";

/** A stretch of the source's keys that one of several processes does; together they are all keys there can be. */
export interface Shard {
  readonly shard: number;
  /** Behind this key; absent: from the beginning. */
  readonly after?: string;
  /** Up to this key, and with it; absent: to the end. */
  readonly upTo?: string;
  /** What there is to copy, as far as the plan saw. */
  readonly objects: number;
  readonly bytes: number;
}

interface Stretch {
  upTo: string;
  weight: number;
  objects: number;
  bytes: number;
}

/** What listing a key costs, against copying so many bytes. */
const copyWeight = 20;
const bytesPerWeight = 32 * 1024;
/** Stretches that are remembered for each shard; finer ones are joined, so that memory stays what it is. */
const stretchesPerShard = 64;

/** Divides keys that come in their order into shards of about the same work. */
export class ShardPlanner {
  readonly #count: number;
  #stretches: Stretch[] = [];
  #weightMax = 1;

  constructor(count: number) {
    this.#count = count;
  }

  /** @param copies the bytes to copy; undefined: there is nothing to do but to list the key */
  add(key: string, copies: number | undefined): void {
    const weight = copies === undefined ? 1 : copyWeight + copies / bytesPerWeight;
    const [objects, bytes] = copies === undefined ? [0, 0] : [1, copies];
    const last = this.#stretches.at(-1);
    if (last !== undefined && last.weight + weight <= this.#weightMax) {
      join(last, { upTo: key, weight, objects, bytes });
      return;
    }
    this.#stretches.push({ upTo: key, weight, objects, bytes });
    if (this.#stretches.length > 2 * stretchesPerShard * this.#count) this.#coarsen();
  }

  /** `count` shards, or fewer where there are fewer keys; one at least. */
  shards(): readonly Shard[] {
    const total = this.#stretches.reduce((sum, { weight }) => sum + weight, 0);
    const groups: Stretch[] = [];
    let reached = 0;
    for (const stretch of this.#stretches) {
      const group = Math.min(this.#count - 1, Math.floor((reached / total) * this.#count));
      const last = groups[groups.length - 1];
      if (last !== undefined && groups.length - 1 >= group) join(last, stretch);
      else groups.push({ ...stretch });
      reached += stretch.weight;
    }
    if (groups.length === 0) return [{ shard: 0, objects: 0, bytes: 0 }];
    return groups.map(({ upTo, objects, bytes }, index) => ({
      shard: index,
      ...(index === 0 ? {} : { after: groups[index - 1]?.upTo ?? "" }),
      // What is added at the end later belongs to the last one.
      ...(index === groups.length - 1 ? {} : { upTo }),
      objects,
      bytes,
    }));
  }

  #coarsen(): void {
    this.#weightMax *= 2;
    const joined: Stretch[] = [];
    for (const stretch of this.#stretches) {
      const last = joined.at(-1);
      if (last !== undefined && last.weight + stretch.weight <= this.#weightMax) join(last, stretch);
      else joined.push(stretch);
    }
    this.#stretches = joined;
  }
}

function join(into: Stretch, next: Stretch): void {
  into.upTo = next.upTo;
  into.weight += next.weight;
  into.objects += next.objects;
  into.bytes += next.bytes;
}

/** Reads a shard as `plan` wrote it. Throws BadRequest for anything else. */
export function parseShard(text: string): Pick<KeyRange, "after" | "upTo"> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below.
  }
  const { after, upTo, shard } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const areKeys = [after, upTo].every((key) => key === undefined || typeof key === "string");
  if (typeof shard !== "number" || !areKeys) {
    throw new ExecutorError(
      "BadRequest",
      "--shard is a number together with --shards, or an item of the list that sync plan --shards-out wrote",
    );
  }
  return { after: after as string | undefined, upTo: upTo as string | undefined };
}

/**
 * The keys of shard `index` of `count`, without a plan: each process lists everything, and copies its share. `prefixes`
 * are those of both repositories.
 */
export function selectShard(index: number, count: number, prefixes: readonly string[]): Selection {
  return {
    isPartial: false,
    judge({ key }) {
      const prefix = prefixes.find((each) => key.startsWith(each)) ?? "";
      const isOurs = crc32(key.slice(prefix.length)) % count === index;
      return isOurs ? { isWanted: true } : { isWanted: false, why: "another shard's" };
    },
  };
}
