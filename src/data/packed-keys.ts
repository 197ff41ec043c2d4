import type { Texts } from "../../languages/expr/index.ts";

/** A block begins with a whole key. More of them need less memory, and make a jump to one key dearer. */
const blockKeys = 256;
/** Room for what stands before a key: three numbers of five bytes at most. */
const headBytesMax = 15;

/**
 * Keys of a listing in as few bytes as they differ by. Neighbours begin and end alike, so that each key stands as three
 * numbers, how many bytes it takes from the beginning of the one before, how many from its end, and how many are its
 * own, and these. A million numbered files with names of 70 characters take 5 MB, where a million strings take 90.
 * Whoever reads on from where it has read pays for one key alone.
 */
export class PackedKeys implements Texts {
  readonly #blocks: Buffer[] = [];
  /** The block that keys are added to. */
  #open: Buffer = Buffer.allocUnsafe(16_384);
  #openBytes = 0;
  #length = 0;
  readonly #last = new KeyBytes();
  readonly #next = new KeyBytes();
  readonly #cursor = new KeyBytes();
  /** What the cursor has read; -1: nothing. */
  #readIndex = -1;
  #readText = "";
  #readAt = 0;

  get length(): number {
    return this.#length;
  }

  add(key: string): void {
    const [last, next] = [this.#last, this.#next];
    next.set(key);
    const isFirst = this.#length % blockKeys === 0;
    if (isFirst && this.#length > 0) this.#close();
    const before = isFirst ? 0 : last.beginningSharedWith(next);
    const behind = isFirst ? 0 : last.endSharedWith(next, before);
    const own = next.length - before - behind;
    this.#reserve(headBytesMax + own);
    for (const number of [before, behind, own]) this.#writeNumber(number);
    this.#openBytes += next.bytes.copy(this.#open, this.#openBytes, before, before + own);
    last.replaceMiddle({ before, behind }, next.bytes, before, own);
    this.#length += 1;
  }

  at(index: number): string {
    if (index === this.#readIndex) return this.#readText;
    const number = Math.floor(index / blockKeys);
    const block = this.#blocks[number] ?? this.#open;
    const goesOn = index > this.#readIndex && this.#readIndex >= number * blockKeys;
    let at = goesOn ? this.#readAt : 0;
    let read = goesOn ? this.#readIndex : number * blockKeys - 1;
    const readNumber = (): number => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = block[at++] ?? 0;
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
    };
    for (; read < index; read += 1) {
      const [before, behind, own] = [readNumber(), readNumber(), readNumber()];
      this.#cursor.replaceMiddle({ before, behind }, block, at, own);
      at += own;
    }
    this.#readIndex = index;
    this.#readAt = at;
    this.#readText = this.#cursor.text;
    return this.#readText;
  }

  #close(): void {
    // Of a size of its own: what is left over of the block in the making serves the next one.
    this.#blocks.push(Buffer.from(this.#open.subarray(0, this.#openBytes)));
    this.#openBytes = 0;
    this.#readIndex = -1;
  }

  #reserve(bytes: number): void {
    const needed = this.#openBytes + bytes;
    if (needed <= this.#open.length) return;
    const larger = Buffer.allocUnsafe(2 * needed);
    this.#open.copy(larger, 0, 0, this.#openBytes);
    this.#open = larger;
  }

  #writeNumber(number: number): void {
    let rest = number;
    for (; rest >= 0x80; rest >>>= 7) this.#open[this.#openBytes++] = (rest & 0x7f) | 0x80;
    this.#open[this.#openBytes++] = rest;
  }
}

/** The bytes of one key, in a place that is used again. */
class KeyBytes {
  bytes: Buffer = Buffer.allocUnsafe(2048);
  length = 0;

  get text(): string {
    return this.bytes.toString("utf8", 0, this.length);
  }

  set(text: string): void {
    this.#reserve(3 * text.length);
    this.length = this.bytes.write(text);
  }

  /** Puts some bytes of `source` between the first and the last ones of our own. */
  replaceMiddle(kept: { before: number; behind: number }, source: Buffer, from: number, count: number): void {
    const { before, behind } = kept;
    const length = before + count + behind;
    this.#reserve(length);
    this.bytes.copyWithin(before + count, this.length - behind, this.length);
    source.copy(this.bytes, before, from, from + count);
    this.length = length;
  }

  /** How many bytes both begin with. */
  beginningSharedWith({ bytes, length }: KeyBytes): number {
    const max = Math.min(this.length, length);
    let shared = 0;
    while (shared < max && this.bytes[shared] === bytes[shared]) shared += 1;
    return shared;
  }

  /** How many bytes both end with, of those that are not among the first `taken`. */
  endSharedWith({ bytes, length }: KeyBytes, taken: number): number {
    const max = Math.min(this.length, length) - taken;
    let shared = 0;
    while (shared < max && this.bytes[this.length - 1 - shared] === bytes[length - 1 - shared]) shared += 1;
    return shared;
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * length);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
