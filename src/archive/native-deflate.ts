import { getSystemErrorMap } from "node:util";
import { openAddon } from "../addon/index.ts";
import { ExecutorError } from "../errors/index.ts";

/** What a call gives: numbers of native/deflate/block.h and stream.h. */
export interface NativeResult {
  readonly status: number;
  /** Bytes of the input that were used, and of the output that were filled. */
  readonly usedBytes: number;
  readonly madeBytes: number;
  /** CRC-32 of what is not compressed; of a stream, of all up to here. */
  readonly crc: number;
}

/** Statuses of whole blocks, of those that go into a file, and of a step of a stream. */
export const blockStatus = { done: 0, tooLarge: 1, damaged: 2, noMemory: 3 } as const;
export const toFileStatus = { ...blockStatus, otherLength: 4, otherCrc: 5, notWritten: 6 } as const;
export const stepStatus = { more: 0, over: 1, damaged: 2 } as const;

/** A stream that is being inflated; takes one step at a time. */
export type NativeStream = object;

type Callback = (status: number, usedBytes: number, madeBytes: number, crc: number) => void;

interface Addon {
  compress(
    input: Uint8Array,
    output: Uint8Array,
    level: number,
    ...rest: [isOpen: boolean, done: Callback]
  ): void;
  inflate(input: Uint8Array, output: Uint8Array, done: Callback): void;
  inflateToFile(
    input: Uint8Array,
    ...rest: [...ContentNumbers, done: (status: number, errno: number) => void]
  ): void;
  openStream(): NativeStream;
  inflateStream(stream: NativeStream, input: Uint8Array, output: Uint8Array, done: Callback): void;
}

type ContentNumbers = [sizeBytes: number, crc: number, fd: number, position: number];

/**
 * libdeflate and ISA-L on the libuv pool (native/deflate). Until a call's promise settles its buffers belong to it:
 * they may be read, but not written, detached or resized.
 */
export class NativeDeflate {
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  /** Deflates all of `input`. Levels: 1 to 12 of libdeflate, 101 to 103 are 1 to 3 of ISA-L; `isOpen`: more follows. */
  compress(
    input: Uint8Array,
    output: Uint8Array,
    { level, isOpen }: { readonly level: number; readonly isOpen: boolean },
  ): Promise<NativeResult> {
    return settle((done) => this.#addon.compress(input, output, level, isOpen, done));
  }

  /** Inflates a raw deflate stream whose end is in `input`, into no more than `output`. */
  inflate(input: Uint8Array, output: Uint8Array): Promise<NativeResult> {
    return settle((done) => this.#addon.inflate(input, output, done));
  }

  /**
   * Inflates a raw deflate stream, all of `input`, straight into a file, if it is as long as `content` says and has its
   * CRC-32; else nothing is written. Resolves to a status. Throws what the file system says.
   */
  inflateToFile(
    input: Uint8Array,
    content: { readonly sizeBytes: number; readonly crc: number },
    fd: number,
    position: number,
  ): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#addon.inflateToFile(input, content.sizeBytes, content.crc, fd, position, (status, errno) => {
      if (status === toFileStatus.noMemory) reject(noMemory());
      else if (status === toFileStatus.notWritten) reject(writeError(errno));
      else resolve(status);
    });
    return promise;
  }

  /** For one raw deflate stream. */
  openStream(): NativeStream {
    return this.#addon.openStream();
  }

  /**
   * One step: as much as `output` takes or `input` gives. At the stream's end `usedBytes` may be negative: so many
   * bytes of the input before, 8 at most, are not the stream's.
   */
  inflateStream(stream: NativeStream, input: Uint8Array, output: Uint8Array): Promise<NativeResult> {
    return settle((done) => this.#addon.inflateStream(stream, input, output, done));
  }
}

let opened: { readonly native: NativeDeflate | undefined } | undefined;

/** The libraries; undefined where this installation was built without them, and Node's zlib does the work. */
export function openNativeDeflate(): NativeDeflate | undefined {
  if (opened === undefined) {
    const addon = openAddon() as Addon | undefined;
    opened = { native: addon && new NativeDeflate(addon) };
  }
  return opened.native;
}

function settle(start: (done: Callback) => void): Promise<NativeResult> {
  return new Promise((resolve, reject) => {
    start((status, usedBytes, madeBytes, crc) => {
      if (status === blockStatus.noMemory) reject(noMemory());
      else resolve({ status, usedBytes, madeBytes, crc });
    });
  });
}

function noMemory(): ExecutorError {
  return new ExecutorError("TooLarge", "deflate: there is no memory for a compressor");
}

/** As Node's own calls throw it. */
function writeError(errno: number): Error {
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, "unknown error"];
  return Object.assign(new Error(`${code}: ${text}, write`), { errno: -errno, code, syscall: "write" });
}
