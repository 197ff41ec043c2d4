import { Transform, type TransformCallback } from "node:stream";
import { emptyBlock } from "./block-encoder.ts";
import { BlockDeflater } from "./deflate-blocks.ts";
import { gzipMember } from "./gzip-member.ts";

export interface GzipOptions {
  /** -2 to 9 as in Go's compress/gzip; -1, the default, is within 3 % of the size of 6; 0 stores. */
  readonly level?: number | undefined;
  /** Blocks compressed at the same time; default: one more than there are processors, 4 at most. */
  readonly parallel?: number | undefined;
}

/**
 * Compresses a stream on several threads into gzip members (RFC 1952) of 1 MiB each, one after the other: any gzip
 * reader reads them, and `gunzip` reads several at once. Throws BadRequest for a level that does not exist.
 */
export function gzip(options: GzipOptions = {}): Transform {
  return new GzipStream(options);
}

class GzipStream extends Transform {
  readonly #level: number;
  readonly #deflater: BlockDeflater;
  #isEmpty = true;

  constructor({ level = -1, parallel }: GzipOptions) {
    const deflater = new BlockDeflater({
      level,
      parallel,
      frame: (block) => gzipMember(block, level),
    });
    super({ highWaterMark: 1024 * 1024 });
    this.#level = level;
    this.#deflater = deflater;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#isEmpty &&= chunk.length === 0;
    this.#pushAll(this.#deflater.write(chunk), done);
  }

  override _flush(done: TransformCallback): void {
    // Nothing at all is no gzip.
    if (this.#isEmpty) this.#pushAll(Promise.resolve(gzipMember(emptyBlock, this.#level)), done);
    else this.#pushAll(this.#deflater.end(), done);
  }

  #pushAll(output: Promise<readonly Uint8Array[]>, done: TransformCallback): void {
    output.then(
      (chunks) => {
        for (const chunk of chunks) this.push(chunk);
        done();
      },
      (error: Error) => done(error),
    );
  }
}
