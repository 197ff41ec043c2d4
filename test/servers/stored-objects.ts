import { randomBytes } from "node:crypto";

export interface StoredObject {
  readonly content: Buffer;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What else is kept, by the names of the store's kind. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Rises with every write. */
  readonly generation: string;
  readonly modifiedMs: number;
}

let generations = 1_000_000n;

/** Buckets with objects in memory, for test servers whose protocol is what is tested. */
export class StoredObjects {
  readonly buckets = new Map<string, Map<string, StoredObject>>();

  put(
    bucket: Map<string, StoredObject>,
    key: string,
    object: Omit<StoredObject, "generation" | "modifiedMs">,
  ): StoredObject {
    generations += 1n;
    const stored = { ...object, generation: String(generations), modifiedMs: Date.now() };
    bucket.set(key, stored);
    return stored;
  }

  /** In the order of the keys' bytes. */
  list(bucket: Map<string, StoredObject>, prefix: string): [string, StoredObject][] {
    return [...bucket]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
}

export function newId(): string {
  return randomBytes(12).toString("hex");
}

/** Reads `Range: bytes=A-B`; undefined: all of it. */
export function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | undefined {
  const parts = /^bytes=(\d+)-(\d*)$/.exec(header ?? "");
  if (parts === null) return undefined;
  return { start: Number(parts[1]), end: parts[2] === "" ? size : Math.min(size, Number(parts[2]) + 1) };
}
