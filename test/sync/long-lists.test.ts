import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { sortExternally } from "../../src/sync/listing/external-sort.ts";
import { Spool } from "../../src/sync/spool.ts";
import { compareKeys } from "../../src/transfer/index.ts";
import { patience, temporaryFolder } from "../drivers/surroundings.ts";

/** More than is kept in memory. Keys may hold what some programs take for the end of a line. */
function keysOf(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${(index * 7919) % count}\u2028\u2029\r\u0085"\\/${index}`,
  );
}

async function collect<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

describe("lists that do not fit into memory", () => {
  it("come back from a spool as they were added, whatever is in them, and leave no file", async (t) => {
    const folder = await temporaryFolder(t);
    const keys = keysOf(25_000);
    await using spool = new Spool<{ readonly key: string }>(folder);
    for (const key of keys) await spool.add({ key });

    const back = await collect(spool.batches(1000));

    assert.equal(spool.count, keys.length);
    assert.deepEqual(
      back.map(({ key }) => key),
      keys,
    );
    await spool[Symbol.asyncDispose]();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("are sorted by the bytes of their keys, whatever is in them, and leave no file", async (t) => {
    const folder = await temporaryFolder(t);
    const keys = keysOf(120_000);
    const pages = async function* () {
      for (let at = 0; at < keys.length; at += 1000) {
        yield keys.slice(at, at + 1000).map((key) => ({ key, sizeBytes: key.length }));
      }
    };

    const sorted = await collect(sortExternally(pages(), folder, patience()));

    assert.deepEqual(
      sorted.map(({ key }) => key),
      keys.toSorted(compareKeys),
    );
    assert.deepEqual(readdirSync(folder), []);
  });
});
