import { availableParallelism } from "node:os";
import { crc32 } from "node:zlib";
import { ExecutorError } from "../errors/index.ts";
import { type BlockEncoder, type Deflated, openBlockEncoder } from "./block-encoder.ts";
import { looksRandom } from "./entropy.ts";

/** Large enough that a fresh window costs 0.5 % of size, small enough that a few in flight are little memory. */
const usualBlockBytes = 1024 * 1024;
/** Who asks for the smallest gets fewer fresh windows; stored, it is still a member that is read as ours. */
const largeBlockBytes = 2 * usualBlockBytes - 64 * 1024;
const storedBlockMax = 0xffff;
/** How many random-looking blocks in a row are stored without trying whether they shrink after all. */
const storedRunMax = 16;

/** Blocks that are compressed, or decompressed, at the same time: one waits where all processors are busy. */
export const blocksInFlight = (): number => Math.min(4, availableParallelism() + 1);

/** What becomes of a block that has been deflated. */
export type BlockFrame = (block: Deflated) => readonly Uint8Array[];

export interface DeflateOptions {
  /** Levels as zlib's 0 to 9, -1 for the default, -2 for Huffman codes only. */
  readonly level: number;
  /** Default: one more than there are processors, 4 at most. */
  readonly parallel?: number | undefined;
  /** Each block becomes a stream of its own, framed by this. Default: one stream, which ends when a last block follows. */
  readonly frame?: BlockFrame | undefined;
}

/**
 * Deflates on several threads: blocks of input are compressed independently on the libuv pool, each flushed to a byte
 * boundary, and handed out in order. Holds `parallel` blocks of input and output at most.
 *
 * Data that does not shrink is passed on in stored blocks: after a block that did not shrink, those that
 * look random are not even tried, except every 16th.
 */
export class BlockDeflater {
  readonly #level: number;
  readonly #blockSizeBytes: number;
  readonly #parallel: number;
  readonly #frame: BlockFrame;
  readonly #encode: BlockEncoder;
  /** Input is gathered in buffers that are used again: garbage outside the heap is collected late. */
  readonly #free: Buffer[] = [];
  #block: Buffer | undefined;
  #used = 0;
  readonly #inFlight: Promise<readonly Uint8Array[]>[] = [];
  #storedRun = 0;
  #shrinks = true;

  constructor({ level, parallel, frame }: DeflateOptions) {
    if (!Number.isInteger(level) || level < -2 || level > 9) {
      throw new ExecutorError(
        "BadRequest",
        `gzip: invalid compression level: ${level}; use -2 (Huffman only), -1 (default) or 0 to 9`,
      );
    }
    this.#level = level;
    this.#blockSizeBytes = level === 9 ? largeBlockBytes : usualBlockBytes;
    this.#parallel = parallel ?? blocksInFlight();
    this.#frame = frame ?? (({ chunks }) => chunks);
    this.#encode = openBlockEncoder(level, frame === undefined);
  }

  /** Takes a chunk; at level 0 it must not be changed afterwards. Resolves to what is finished, in order, often nothing. */
  async write(chunk: Uint8Array): Promise<readonly Uint8Array[]> {
    const finished: Uint8Array[] = [];
    if (this.#level === 0) {
      for (let at = 0; at < chunk.length; at += usualBlockBytes) {
        const block = chunk.subarray(at, at + usualBlockBytes);
        finished.push(...this.#frame(stored(block)));
      }
      return finished;
    }
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + this.#blockSizeBytes - this.#used);
      this.#block ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#blockSizeBytes);
      this.#block.set(part, this.#used);
      this.#used += part.length;
      taken += part.length;
      if (this.#used === this.#blockSizeBytes) finished.push(...(await this.#startBlock()));
    }
    return finished;
  }

  /** Resolves to what is left. */
  async end(): Promise<readonly Uint8Array[]> {
    if (this.#used > 0) await this.#startBlock(Infinity);
    return (await Promise.all(this.#inFlight)).flat();
  }

  /** Starts what is gathered; resolves to the oldest block when as many as allowed are under way. */
  async #startBlock(parallel = this.#parallel): Promise<readonly Uint8Array[]> {
    if (!this.#block) return [];
    const job = this.#compress(this.#block, this.#used);
    this.#block = undefined;
    this.#used = 0;
    // It is awaited later, in order; a failure before that must not count as unhandled.
    job.catch(() => {});
    this.#inFlight.push(job);
    return this.#inFlight.length < parallel ? [] : ((await this.#inFlight.shift()) ?? []);
  }

  async #compress(buffer: Buffer, length: number): Promise<readonly Uint8Array[]> {
    const block = buffer.subarray(0, length);
    if (!this.#shrinks && this.#storedRun < storedRunMax && looksRandom(block)) {
      this.#storedRun++;
      return this.#frame(stored(block));
    }
    this.#storedRun = 0;
    const deflated = await this.#encode(block);
    this.#shrinks = deflated !== undefined && deflated.sizeBytes < length * 0.98;
    if (deflated === undefined) return this.#frame(stored(block));
    // Only a block that nobody refers to is used again.
    this.#free.push(buffer);
    return this.#frame(deflated);
  }
}

function stored(block: Uint8Array): Deflated {
  const chunks = storedBlocks(block);
  const sizeBytes = chunks.reduce((sum, { length }) => sum + length, 0);
  return { chunks, sizeBytes, isOpen: true, content: { crc: crc32(block), sizeBytes: block.length } };
}

function storedBlocks(data: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += storedBlockMax) {
    const part = data.subarray(at, at + storedBlockMax);
    const header = Buffer.alloc(5);
    header.writeUInt16LE(part.length, 1);
    header.writeUInt16LE(part.length ^ 0xffff, 3);
    blocks.push(header, part);
  }
  return blocks;
}
