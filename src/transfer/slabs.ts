import { appendTo, type ByteSink } from "../streams/index.ts";

export const slabBytes = 1024 * 1024;

/**
 * Blocks of memory that are used again and again. A transfer copies what arrives into them instead of keeping the
 * chunks: chunks that die at once are collected at once, while chunks that waited for a whole part to be sent are
 * found by V8 only 100 MiB later. The memory budget bounds how many blocks there are.
 */
export class SlabPool {
  readonly #free: Uint8Array[] = [];

  /** An empty buffer of the pool's blocks. */
  open(): SlabBuffer {
    return new SlabBuffer(
      () => this.#free.pop() ?? Buffer.allocUnsafeSlow(slabBytes),
      (slabs) => this.#free.push(...slabs),
    );
  }
}

/** A growing sequence of bytes in blocks. */
export class SlabBuffer implements ByteSink {
  readonly #slabs: Uint8Array[] = [];
  readonly #take: () => Uint8Array;
  readonly #giveBack: (slabs: readonly Uint8Array[]) => void;
  #sizeBytes = 0;

  constructor(take: () => Uint8Array, giveBack: (slabs: readonly Uint8Array[]) => void) {
    this.#take = take;
    this.#giveBack = giveBack;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  space(): Uint8Array {
    const used = this.#sizeBytes % slabBytes;
    const index = Math.floor(this.#sizeBytes / slabBytes);
    // Taken when it is asked for: a buffer that is exactly full needs no block more.
    this.#slabs[index] ??= this.#take();
    return this.#slabs[index].subarray(used);
  }

  filled(bytes: number): void {
    this.#sizeBytes += bytes;
  }

  append(chunk: Uint8Array): void {
    appendTo(this, chunk);
  }

  /** The bytes in place, valid until `release`. */
  views(): readonly Uint8Array[] {
    return this.#slabs.map((slab, index) => slab.subarray(0, this.#sizeBytes - index * slabBytes));
  }

  /** A copy of up to `bytesMax` from `offset`, within one block. */
  copy(offset: number, bytesMax: number): Uint8Array {
    const slab = this.#slabs[Math.floor(offset / slabBytes)] ?? new Uint8Array();
    const start = offset % slabBytes;
    const length = Math.min(bytesMax, slabBytes - start, this.#sizeBytes - offset);
    return Buffer.from(slab.subarray(start, start + length));
  }

  /** Gives the blocks back; nothing may use the bytes any more. */
  release(): void {
    this.#giveBack(this.#slabs);
    this.#slabs.length = 0;
    this.#sizeBytes = 0;
  }
}
