import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isExecutorError } from "../../src/errors/index.ts";
import { planParts } from "../../src/transfer/index.ts";

const mib = 1024 ** 2;
const gib = 1024 ** 3;
const limits = {
  putBytesMax: 5 * gib,
  partBytesMin: 5 * mib,
  partBytesMax: 5 * gib,
  partsMax: 10_000,
  deleteKeysMax: 1000,
};

/** How far 10,000 parts of a stream reach. */
function reach(memoryBytes: number): number {
  const plan = planParts(undefined, undefined, limits, memoryBytes);
  let offset = 0;
  for (let number = 1; number <= limits.partsMax; number += 1) offset += plan.sizeAt(offset, number);
  return offset;
}

describe("part sizes", () => {
  it("are 16 MiB for a file of ordinary size, or a quarter of a small budget", () => {
    assert.equal(planParts(gib, undefined, limits, 64 * mib).sizeAt(0, 1), 16 * mib);
    assert.equal(planParts(gib, undefined, limits, 32 * mib).sizeAt(0, 1), 8 * mib);
    assert.equal(planParts(gib, undefined, limits, 4 * mib).sizeAt(0, 1), 5 * mib);
  });

  it("grow with the file, so that 10,000 of them hold it", () => {
    for (const size of [200 * gib, 1024 * gib, 48 * 1024 * gib]) {
      const part = planParts(size, undefined, limits, 32 * mib).sizeAt(0, 1);
      assert.ok(part * limits.partsMax >= size);
      assert.ok(part <= limits.partBytesMax);
    }
  });

  it("are what the user configures", () => {
    assert.equal(planParts(gib, 7 * mib, limits, 32 * mib).sizeAt(0, 1), 7 * mib);
  });

  it("are not what the user configures where that is more than the file", () => {
    assert.equal(planParts(100 * mib, gib, limits, 32 * mib).sizeAt(0, 1), 8 * mib);
  });

  it("refuse a configured size that would cut the file off (docs/contract/artifacts.md#D-2)", () => {
    assert.throws(
      () => planParts(50 * gib, 5 * mib, limits, 32 * mib),
      (error) =>
        isExecutorError(error, "BadRequest") && /ARTIFACT_S3_UPLOAD_PART_SIZE_MIB/.test(error.message),
    );
  });

  it("of a stream grow until they hold the largest object of S3, where memory allows", () => {
    assert.ok(reach(20 * gib) >= 45 * 1024 * gib);
    assert.ok(reach(64 * mib) >= 230 * gib);
    assert.ok(reach(32 * mib) >= 110 * gib);
  });

  it("of a stream end with an error that names the remedy, and never with a shorter object", () => {
    const plan = planParts(undefined, undefined, limits, 32 * mib);

    assert.throws(
      () => plan.sizeAt(reach(32 * mib), 10_001),
      (error) => isExecutorError(error, "TooLarge") && /more memory/.test(error.message),
    );
  });
});
