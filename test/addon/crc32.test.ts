import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { crc32, openAddon } from "../../src/addon/index.ts";

const addon = openAddon() as { crc32(...given: unknown[]): number } | undefined;
const skip = addon === undefined && "this installation has no libdeflate and ISA-L";
const noise = randomBytes(300 * 1024);

describe("CRC-32", () => {
  it("is zlib's, whatever the length, the place in memory and the value before", () => {
    const pieces = fc.tuple(
      fc.integer({ min: 0, max: 200_000 }),
      fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 60_000, max: 100_000 })),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    );
    fc.assert(
      fc.property(pieces, ([start, length, before]) => {
        const bytes = noise.subarray(start, start + length);
        const expected = zlibCrc32(bytes, before);
        assert.equal(crc32(bytes, before), expected);
        if (addon !== undefined) assert.equal(addon.crc32(bytes, before), expected);
      }),
    );
  });

  it("begins with nothing before", () => {
    assert.equal(crc32(noise), zlibCrc32(noise));
  });

  it("is refused for what is no Uint8Array or no number", { skip }, () => {
    const moved = new Uint8Array(100_000);
    structuredClone(moved.buffer, { transfer: [moved.buffer] });
    for (const given of [
      [],
      ["text", 0],
      [noise],
      [noise, "1"],
      [new Uint16Array(9), 0],
      [moved, 0],
      [noise, 0, 0],
    ]) {
      assert.throws(() => addon?.crc32(...given), TypeError);
    }
  });
});
