/** What the benches compress: the same bytes in every run. */
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { packTar } from "../test/archive/pack-tar.ts";

const mib = 1024 * 1024;

export interface CorpusItem {
  readonly name: string;
  /** Rules about sizes hold for what can be compressed at all. */
  readonly isCompressible: boolean;
  readonly bytes: Buffer;
}

/** A linear congruential generator: the same numbers in every run. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** 14 MiB of lines as services write them. */
export function logText(random: (below: number) => number): Buffer {
  const hex = (below: number) => random(below).toString(16);
  const words = Array.from({ length: 4000 }, () => hex(2 ** 32));
  const word = () => words[random(words.length)];
  const two = (number: number) => String(number).padStart(2, "0");
  const lines = Array.from(
    { length: 100_000 },
    () =>
      `2026-11-23T10:${two(random(60))}:${two(random(60))}.${String(random(1000)).padStart(3, "0")}Z level=INFO ` +
      `msg="request served" path=/api/v1/${word()}/${word()} status=200 bytes=${random(100_000)} id=${hex(2 ** 32)}${hex(2 ** 32)}\n`,
  );
  return Buffer.from(lines.join(""));
}

/**
 * Text, two source trees as tar archives, weights of a model in two precisions, random bytes.
 * @param sizeBytes of each; a tree may be smaller
 */
export async function corpus(sizeBytes: number): Promise<readonly CorpusItem[]> {
  const root = `${import.meta.dirname}/..`;
  const trees = ["src", "test", "docs", "desk", "languages", "native"].map((name) => `${root}/${name}`);
  const item = (name: string, bytes: Buffer, isCompressible = true) => ({ name, isCompressible, bytes });
  return [
    item("log text", repeated(logText(seeded(1)), sizeBytes)),
    item("source tree (this one)", await tarOf(trees, sizeBytes)),
    item("source tree (packages)", await tarOf([`${root}/node_modules`], sizeBytes)),
    item("model weights, 32 bits", weights(sizeBytes, 4)),
    item("model weights, 16 bits", weights(sizeBytes, 2)),
    item("random bytes", noise(sizeBytes), false),
  ];
}

/** Pieces of the text from anywhere in it, so that no window of a compressor sees one twice. */
function repeated(text: Buffer, sizeBytes: number): Buffer {
  const random = seeded(2);
  const pieces: Buffer[] = [];
  for (let left = sizeBytes; left > 0; left -= mib) {
    const start = random(text.length - mib);
    pieces.push(text.subarray(start, start + Math.min(mib, left)));
  }
  return Buffer.concat(pieces);
}

async function tarOf(folders: readonly string[], sizeBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let left = sizeBytes;
  const signal = new AbortController().signal;
  for (const folder of folders.filter((path) => existsSync(path))) {
    const tar: Readable = packTar(folder, { warn() {} }, signal);
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      pieces.push(Buffer.from(chunk.subarray(0, left)));
      left -= Math.min(left, chunk.length);
      if (left === 0) break;
    }
  }
  return Buffer.concat(pieces);
}

/** Normally distributed numbers around zero, as layers of a network hold them: floats, or their upper halves (bfloat16). */
function weights(sizeBytes: number, width: 2 | 4): Buffer {
  const random = seeded(3);
  const uniform = () => (random(2 ** 30) + 1) / (2 ** 30 + 1);
  const floats = new Float32Array(sizeBytes / width);
  for (let at = 0; at < floats.length; at++) {
    floats[at] = 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  if (width === 4) return Buffer.from(floats.buffer);
  const halves = new Uint16Array(floats.length);
  const words = new Uint16Array(floats.buffer);
  for (let at = 0; at < halves.length; at++) halves[at] = words[2 * at + 1] ?? 0;
  return Buffer.from(halves.buffer);
}

function noise(sizeBytes: number): Buffer {
  const random = seeded(4);
  const words = new Uint16Array(sizeBytes / 2);
  for (let at = 0; at < words.length; at++) words[at] = random(2 ** 16);
  return Buffer.from(words.buffer);
}
