import { Transform, type TransformCallback } from "node:stream";
import { BlockDeflater } from "./deflate-blocks.ts";

export interface GzipOptions {
  /** -2 to 9 as in Go's compress/gzip; -1, the default, is within 3 % of the size of 6; 0 stores. */
  readonly level?: number | undefined;
  /** Blocks compressed at the same time; default: one more than there are processors, 4 at most. */
  readonly parallel?: number | undefined;
}

/**
 * Compresses a stream into one gzip member (RFC 1952) on several threads: no name, no time, unknown operating system
 * (contract artifacts.md 6.1). Any gzip reader reads it. Throws BadRequest for a level that does not exist.
 */
export function gzip(options: GzipOptions = {}): Transform {
  return new GzipStream(options);
}

class GzipStream extends Transform {
  readonly #deflater: BlockDeflater;

  constructor(options: GzipOptions) {
    const level = options.level ?? -1;
    const deflater = new BlockDeflater(level, options.parallel);
    super({ highWaterMark: 1024 * 1024 });
    this.#deflater = deflater;
    const flags = level === 9 ? 2 : level === 1 ? 4 : 0;
    this.push(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, flags, 255]));
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#pushAll(this.#deflater.write(chunk), done);
  }

  override _flush(done: TransformCallback): void {
    const trailer = async () => {
      const rest = await this.#deflater.end();
      const sums = Buffer.alloc(8);
      sums.writeUInt32LE(this.#deflater.crc, 0);
      sums.writeUInt32LE(this.#deflater.sizeBytes % 2 ** 32, 4);
      return [...rest, sums];
    };
    this.#pushAll(trailer(), done);
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
