import { deflateRaw } from "node:zlib";
import { blockStatus, type NativeDeflate } from "./native-deflate.ts";

/** Which of libdeflate's levels may do the work of one of zlib's. */
interface Choice {
  /** From the fastest on; the smallest is taken where none is small enough. */
  readonly candidates: readonly number[];
  /** For what is not worth a sample. */
  readonly small: number;
  /** What they are compared with, and how much larger they may be. */
  readonly zlibLevel: number;
  readonly shareMax: number;
}

/** Its fastest level, and its best, which is the best there is for numbers. */
const isal = 101;
const isalBest = 103;

/**
 * What the level's number promises (docs/artifacts/archives.md), less what fresh windows cost: the default is within 3 % of
 * zlib's 6, 6 within 1 %, 9 no larger than zlib's 9. Which level that takes differs: log text is done by 3, trees of
 * source text by 5 to 7, and numbers, in which nothing repeats, best by ISA-L.
 */
const choices: Readonly<Record<number, Choice>> = {
  [-1]: { candidates: [isal, 3, 5, 6, 7], small: 5, zlibLevel: 6, shareMax: 1.022 },
  6: { candidates: [isal, 6, 7, 8], small: 7, zlibLevel: 6, shareMax: 1.003 },
  9: { candidates: [isal, isalBest, 9, 10], small: 9, zlibLevel: 9, shareMax: 0.988 },
};

/** How often a sample is looked at, and its size: some hundredths of the work. */
const blocksPerSample = 8;
const sampleBytes = 64 * 1024;
/** What is smaller is not worth a sample, and done well at once. */
const sampledBytesMin = 4 * sampleBytes;

/** Says for each block, in order, at which of libdeflate's or ISA-L's levels to compress it. */
export type LevelChoice = (block: Uint8Array) => Promise<number>;

/**
 * The levels for one of zlib's: 1 and 2 are ISA-L's, most are libdeflate's of the same number, and three are chosen by a
 * sample of every eighth block, which depends on nothing but the data.
 */
export function levelChoice(native: NativeDeflate, level: number): LevelChoice {
  const choice = choices[level];
  if (choice === undefined) {
    const fixed = Promise.resolve(level <= 2 ? 100 + level : level);
    return () => fixed;
  }
  const small = Promise.resolve(choice.small);
  let chosen = small;
  let blocks = 0;
  return (block) => {
    if (block.length < sampledBytesMin) return small;
    if (blocks++ % blocksPerSample === 0) chosen = choose(native, choice, middleOf(block));
    return chosen;
  };
}

/** Not the beginning: a tar header, or the head of a log, says little of what follows. */
function middleOf(block: Uint8Array): Uint8Array {
  const start = (block.length - sampleBytes) >> 1;
  return block.subarray(start, start + sampleBytes);
}

async function choose(native: NativeDeflate, choice: Choice, sample: Uint8Array): Promise<number> {
  const { candidates, zlibLevel, shareMax } = choice;
  const sizeMax = (await zlibSize(sample, zlibLevel)) * shareMax;
  const output = Buffer.allocUnsafeSlow(sample.length);
  let smallest = { level: choice.small, sizeBytes: Number.POSITIVE_INFINITY };
  for (const level of candidates) {
    const { status, madeBytes } = await native.compress(sample, output, { level, isOpen: false });
    const sizeBytes = status === blockStatus.done ? madeBytes : Number.POSITIVE_INFINITY;
    if (sizeBytes <= sizeMax) return level;
    if (sizeBytes < smallest.sizeBytes) smallest = { level, sizeBytes };
  }
  return smallest.level;
}

function zlibSize(sample: Uint8Array, level: number): Promise<number> {
  return new Promise((resolve, reject) => {
    deflateRaw(sample, { level }, (error, output) => (error ? reject(error) : resolve(output.length)));
  });
}
