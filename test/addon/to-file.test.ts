import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openAddon } from "../../src/addon/index.ts";

const addon = openAddon() as { inflateToFile(...given: unknown[]): void } | undefined;
const skip = addon === undefined && "this installation has no libdeflate and ISA-L";

describe("inflating into a file", () => {
  it("is refused for what is no Uint8Array, no whole number or no callback", { skip }, () => {
    const bytes = new Uint8Array(100);
    const done = () => {};
    for (const given of [
      [],
      ["text", 1, 0, 1, 0, done],
      [bytes, -1, 0, 1, 0, done],
      [bytes, 1.5, 0, 1, 0, done],
      [bytes, 2 ** 31, 0, 1, 0, done],
      [bytes, 1, 2 ** 32, 1, 0, done],
      [bytes, 1, 0, -1, 0, done],
      [bytes, 1, 0, Number.NaN, 0, done],
      [bytes, 1, 0, 1, -1, done],
      [bytes, 1, 0, 1, Number.POSITIVE_INFINITY, done],
      [bytes, 1, 0, 1, "0", done],
      [bytes, 1, 0, 1, 0, "done"],
      [bytes, 1, 0, 1, 0],
    ]) {
      assert.throws(() => addon?.inflateToFile(...given), TypeError);
    }
  });

  it("writes nothing of what claims to be larger than a member may be", { skip }, async () => {
    const { promise, resolve } = Promise.withResolvers<number>();

    // No descriptor: it would be another status if it came to writing.
    addon?.inflateToFile(new Uint8Array(100), 2 ** 21 + 1, 0, 2 ** 31 - 1, 0, resolve);

    assert.equal(await promise, 1);
  });
});
