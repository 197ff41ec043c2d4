const slabBytes = 128 * 1024;
/** From here on a buffer passes by reference; copying a small one costs less than handling it as a chunk. */
const passFromBytes = 32 * 1024;

/** Gathers small buffers into large ones, so that a tree of small files does not become a stream of tiny chunks. */
export class Slab {
  #slab = Buffer.alloc(0);
  #used = 0;

  *add(bytes: Buffer): Generator<Buffer, void, undefined> {
    if (bytes.length >= passFromBytes) {
      yield* this.flush();
      yield bytes;
      return;
    }
    if (this.#used + bytes.length > this.#slab.length) {
      yield* this.flush();
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    this.#used += bytes.copy(this.#slab, this.#used);
  }

  *addZeros(count: number): Generator<Buffer, void, undefined> {
    if (count > 0) yield* this.add(Buffer.alloc(count));
  }

  /** Yields what is gathered so far. */
  *flush(): Generator<Buffer, void, undefined> {
    if (this.#used === 0) return;
    yield this.#slab.subarray(0, this.#used);
    this.#slab = this.#slab.subarray(this.#used);
    this.#used = 0;
  }
}
