import { constants, zstdCompress } from "node:zlib";
import { ExecutorError } from "../errors/index.ts";
import { mapAhead } from "../limits/index.ts";
import { blocksInFlight } from "./deflate-blocks.ts";
import { DroppedBuffers } from "./garbage.ts";

export interface ZstdOptions {
  /** As for gzip: -2 and -1, the default, are zstd's 3; 0 is the fastest there is; 1 to 9 are zstd's own. */
  readonly level?: number | undefined;
}

/** Large enough that a fresh window costs 1 % of size, small enough that a few in flight are little memory. */
const blockBytes = 2 * 1024 * 1024;
/** The fastest that Node's binding reaches without a gain of nothing: 4 times as fast as 3, twice as large. */
const fastestLevel = -7;

/**
 * A frame to be skipped (RFC 8878 3.1.2) at the beginning of what we write: zstd of others may be a step's own file,
 * which nobody asked to unpack; this was an artifact's archive.
 */
export const zstdMark = Buffer.from(`5b2a4d1808000000${Buffer.from("outrider").toString("hex")}`, "hex");

/**
 * Compresses a stream on several threads into zstd frames of 2 MiB of content, each with its length and checksum: any
 * zstd reader takes them for one file. Throws BadRequest for a level that does not exist.
 */
export async function* zstd(
  source: AsyncIterable<Uint8Array>,
  { level = -1 }: ZstdOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  if (!Number.isInteger(level) || level < -2 || level > 9) {
    throw new ExecutorError(
      "BadRequest",
      `zstd: invalid compression level: ${level}; use -1 (default), 0 (the fastest) or 1 to 9`,
    );
  }
  yield zstdMark;
  const free: Buffer[] = [];
  const dropped = new DroppedBuffers();
  yield* mapAhead(blocks(source, free), blocksInFlight(), async (block) => {
    const frame = await compress(block, zstdLevel(level));
    if (block.length === blockBytes) free.push(block);
    dropped.note(frame.length);
    return frame;
  });
}

function zstdLevel(level: number): number {
  if (level < 0) return constants.ZSTD_CLEVEL_DEFAULT;
  return level === 0 ? fastestLevel : level;
}

/**
 * Pieces of the same size, in memory that is used again once it is in `free`: garbage is collected late. Nothing at all
 * is one empty piece, because no frame is no zstd.
 */
async function* blocks(
  source: AsyncIterable<Uint8Array>,
  free: Buffer[],
): AsyncGenerator<Buffer, void, undefined> {
  const take = () => free.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  let block = take();
  let used = 0;
  let isEmpty = true;
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + blockBytes - used);
      block.set(part, used);
      used += part.length;
      taken += part.length;
      if (used < blockBytes) continue;
      yield block;
      isEmpty = false;
      block = take();
      used = 0;
    }
  }
  if (used > 0 || isEmpty) yield block.subarray(0, used);
}

function compress(block: Buffer, level: number): Promise<Buffer> {
  const options = {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: block.length,
    // Text fits at once; what does not costs further trips to the pool.
    chunkSize: Math.max(1024, block.length >> 2),
  };
  return new Promise((resolve, reject) => {
    zstdCompress(block, options, (error, output) => {
      if (error) reject(new ExecutorError("Internal", `zstd: ${error.message}`, { cause: error }));
      else resolve(output);
    });
  });
}
