import { ExecutorError } from "../errors/index.ts";

/** A piece of an answer of an output server: data comes in as many frames as it arrives in chunks. */
export interface Frame {
  readonly type: FrameType;
  readonly bytes: Buffer;
}

export type FrameType = "S" | "D" | "W" | "N" | "E" | "X";

export const frameHeadBytes = 9;
/** Texts are short; data is never collected. */
const textBytesMax = 64 * 1024;

/**
 * What an answer may consist of, whoever sends it: one `S` first, then data (no more than was asked for), names where a
 * tree was asked for, warnings, and one end. Anything else throws Corrupt: whoever speaks as main's emissary may lie.
 */
export class AnswerRules {
  readonly #path: string;
  readonly #dataBytesMax: number;
  readonly #isTree: boolean;
  #hasStatus = false;
  #dataBytes = 0;
  #warnings = 0;

  constructor(path: string, limits: { readonly dataBytesMax?: number; readonly isTree?: boolean } = {}) {
    this.#path = path;
    this.#dataBytesMax = limits.dataBytesMax ?? Number.MAX_SAFE_INTEGER;
    this.#isTree = limits.isTree ?? false;
  }

  /** Checks the head of the next frame. */
  check(head: FrameHead): FrameHead {
    if (head.type === "S" ? this.#hasStatus : !this.#hasStatus && head.type !== "X") {
      throw this.#broken(`${head.type} out of order`);
    }
    this.#hasStatus = true;
    if (head.type === "N" && !this.#isTree) throw this.#broken("names that nobody asked for");
    if (head.type === "W" && ++this.#warnings > warningsMax) throw this.#broken("too many warnings");
    if (head.type === "D") {
      this.#dataBytes += head.length;
      if (this.#dataBytes > this.#dataBytesMax) throw this.#broken("more than was asked for");
    }
    return head;
  }

  #broken(what: string): ExecutorError {
    return new ExecutorError("Corrupt", `${this.#path}: the answer does not keep to the protocol: ${what}`);
  }
}

/** A folder may have many sockets in it, but not as many as a liar can name. */
const warningsMax = 10_000;

/** Splits the bytes of one answer into frames; data passes through without being copied (native/README.md). */
export async function* readFrames(
  chunks: AsyncIterable<Buffer>,
  rules: AnswerRules,
): AsyncGenerator<Frame, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let dataLeft = 0;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (dataLeft > 0) {
        const bytes = rest.subarray(0, dataLeft);
        rest = rest.subarray(bytes.length);
        dataLeft -= bytes.length;
        if (bytes.length > 0) yield { type: "D", bytes };
        if (dataLeft > 0) break;
      }
      if (rest.length < frameHeadBytes) break;
      const { type, length } = decodeFrameHead(rest);
      if (type === "D") {
        rules.check({ type, length });
        rest = rest.subarray(frameHeadBytes);
        dataLeft = length;
        continue;
      }
      if (rest.length < frameHeadBytes + length) break;
      rules.check({ type, length });
      yield { type, bytes: rest.subarray(frameHeadBytes, frameHeadBytes + length) };
      rest = rest.subarray(frameHeadBytes + length);
    }
  }
}

export interface FrameHead {
  readonly type: FrameType;
  readonly length: number;
}

/** Throws Corrupt for what is no frame, or longer than a text can be. */
export function decodeFrameHead(bytes: Buffer): FrameHead {
  const type = String.fromCharCode(bytes[0] ?? 0) as FrameType;
  const length = Number(bytes.readBigUInt64BE(1));
  if (!"SDWNEX".includes(type) || (type !== "D" && length > textBytesMax)) {
    throw new ExecutorError("Corrupt", "the server of outputs answered with something that is not a frame");
  }
  return { type, length };
}
