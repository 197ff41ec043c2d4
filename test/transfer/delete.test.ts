import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  deleteKeys,
  type ListPage,
  type ObjectStore,
  TransferSession,
  type TransferSettings,
} from "../../src/transfer/index.ts";

const settings: TransferSettings = {
  retry: { attempts: 1, durationMs: 1, factor: 1, jitter: 0 },
  memoryBytes: 1024 * 1024,
};
const signal = new AbortController().signal;
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The part of a store that deletion uses, kept in memory: keys sorted by bytes, small pages. */
class KeyStore implements Pick<ObjectStore, "name" | "limits" | "list" | "delete" | "deleteBatch"> {
  readonly name = "memory";
  readonly limits = { putBytesMax: 1, partBytesMin: 1, partBytesMax: 1, partsMax: 1, deleteKeysMax: 7 };
  readonly keys: Set<string>;
  readonly #pageSize: number;
  listings = 0;

  constructor(keys: Iterable<string>, pageSize: number) {
    this.keys = new Set(keys);
    this.#pageSize = pageSize;
  }

  async list(prefix: string, after: string | undefined): Promise<ListPage> {
    this.listings += 1;
    const found = [...this.keys]
      .filter((key) => key.startsWith(prefix) && (after === undefined || byBytes(key, after) > 0))
      .sort(byBytes);
    const page = found.slice(0, this.#pageSize);
    const next = found.length > page.length ? page.at(-1) : undefined;
    return { objects: page.map((key) => ({ key, sizeBytes: 0 })), next };
  }

  async delete(key: string): Promise<void> {
    this.keys.delete(key);
  }

  async deleteBatch(keys: readonly string[]): Promise<ReadonlyMap<string, Error>> {
    for (const key of keys) this.keys.delete(key);
    return new Map();
  }
}

async function deleteFrom(store: KeyStore, keys: readonly string[]): Promise<readonly (Error | undefined)[]> {
  const channel = new TransferSession(settings).channel(store.name, { debug() {}, info() {} });
  return await deleteKeys(store as unknown as ObjectStore, keys, channel, signal);
}

describe("deleteKeys", () => {
  it("deletes exactly the keys and what lies below them, whatever else the bucket holds", async () => {
    const element = fc.constantFrom("a", "b", "a.", "a-", "a!", "a0", "é", "🜁", "\uffee", "");
    const key = fc
      .array(element, { minLength: 1, maxLength: 4 })
      .map((elements) => elements.join("/"))
      .filter((text) => text !== "");
    const keys = fc.uniqueArray(key, { maxLength: 40 });

    await fc.assert(
      fc.asyncProperty(keys, keys, fc.integer({ min: 1, max: 9 }), async (stored, deleted, pageSize) => {
        const store = new KeyStore(stored, pageSize);

        const outcomes = await deleteFrom(store, deleted);

        const isGone = (name: string) =>
          deleted.some((each) => name === each || name.startsWith(each.endsWith("/") ? each : `${each}/`));
        assert.deepEqual([...store.keys].sort(), stored.filter((name) => !isGone(name)).sort());
        assert.ok(outcomes.length === deleted.length && outcomes.every((outcome) => outcome === undefined));
      }),
      { numRuns: 300 },
    );
  });

  it("jumps over the stretches of a bucket that belong to none of the keys", async () => {
    const strangers = Array.from({ length: 5000 }, (_, index) => `m/${index}`);
    const store = new KeyStore([...strangers, "a/1", "z/1"], 100);

    await deleteFrom(store, ["a", "z"]);

    assert.equal(store.keys.size, 5000);
    assert.ok(store.listings <= 4, `${store.listings} listings`);
  });
});
