import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { PackedKeys } from "../../src/data/packed-keys.ts";

function pack(keys: readonly string[]): PackedKeys {
  const packed = new PackedKeys();
  for (const key of keys) packed.add(key);
  return packed;
}

/** Keys of which many begin and end as others do. */
const keys = fc.array(
  fc
    .tuple(
      fc.constantFrom("", "a/", "a/b/", "日本/"),
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("", "a", ".csv"),
    )
    .map((parts) => parts.join("")),
  { maxLength: 700 },
);

describe("packed keys", () => {
  it("gives back every key, in whatever order they are asked for", () => {
    fc.assert(
      fc.property(keys, fc.array(fc.nat(), { maxLength: 50 }), (all, places) => {
        const packed = pack(all);
        assert.equal(packed.length, all.length);
        const inOrder = Array.from({ length: packed.length }, (_, index) => packed.at(index));
        assert.deepEqual(inOrder, all);
        if (all.length === 0) return;
        for (const place of places) assert.equal(packed.at(place % all.length), all[place % all.length]);
      }),
    );
  });

  it("can be read while it grows, and takes keys of any length", () => {
    const packed = new PackedKeys();
    for (let index = 0; index < 600; index += 1) {
      packed.add("k".repeat(index * 37));
      assert.equal(packed.at(index), "k".repeat(index * 37));
      assert.equal(packed.at(index >> 1), "k".repeat((index >> 1) * 37));
    }
  });

  it("takes a tenth of what the texts take", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const used = () => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const count = 200_000;
    const before = used();
    const packed = new PackedKeys();
    for (let index = 0; index < count; index += 1)
      packed.add(`sales/2026/part-${1e8 + index}-3f9a1c5e.parquet`);

    const bytesEach = (used() - before) / count;

    assert.equal(packed.at(count - 1), `sales/2026/part-${1e8 + count - 1}-3f9a1c5e.parquet`);
    assert.ok(bytesEach < 8, `${bytesEach} bytes for each key`);
  });
});
