import { ExecutorError } from "../errors/index.ts";

/** A piece of an answer of an output server: data comes in as many frames as it arrives in chunks. */
export interface Frame {
  readonly type: FrameType;
  readonly bytes: Buffer;
}

export type FrameType = "S" | "D" | "W" | "N" | "E" | "X";

const headBytes = 9;
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

/**
 * Splits one answer into frames (native/README.md), whoever reads its bytes: says where heads and texts go, and how much
 * data comes next, which is its reader's own. Throws Corrupt for what does not keep to the protocol.
 */
export class FrameParser {
  readonly #rules: AnswerRules;
  /** Of the text that is gathered; undefined: it is a head. */
  #type: FrameType | undefined;
  #gathered: Buffer = Buffer.alloc(headBytes);
  #used = 0;
  #dataLeft = 0;

  constructor(rules: AnswerRules) {
    this.#rules = rules;
  }

  /** Bytes of data that come before anything else. */
  get dataLeft(): number {
    return this.#dataLeft;
  }

  /** Where the next bytes go while no data is left. */
  get space(): Buffer {
    return this.#gathered.subarray(this.#used);
  }

  /** So much data was read. */
  noteData(bytes: number): void {
    this.#dataLeft -= bytes;
  }

  /** So much was read into `space`; returns a frame that is whole with it, data aside. */
  note(bytes: number): Frame | undefined {
    this.#used += bytes;
    if (this.#used < this.#gathered.length) return undefined;
    const gathered = this.#gathered;
    if (this.#type !== undefined) {
      const type = this.#type;
      this.#gather(undefined, headBytes);
      return { type, bytes: gathered };
    }
    const { type, length } = this.#rules.check(decodeHead(gathered));
    if (type !== "D" && length > 0) {
      this.#gather(type, length);
      return undefined;
    }
    this.#gather(undefined, headBytes);
    if (type !== "D") return { type, bytes: Buffer.alloc(0) };
    this.#dataLeft = length;
    return undefined;
  }

  #gather(type: FrameType | undefined, bytes: number): void {
    this.#type = type;
    this.#gathered = Buffer.alloc(bytes);
    this.#used = 0;
  }
}

/** The frames of one answer; data passes through without being copied. */
export async function* readFrames(
  chunks: AsyncIterable<Buffer>,
  rules: AnswerRules,
): AsyncGenerator<Frame, void, undefined> {
  const parser = new FrameParser(rules);
  for await (const chunk of chunks) {
    for (let done = 0; done < chunk.length; ) {
      if (parser.dataLeft > 0) {
        const bytes = chunk.subarray(done, done + parser.dataLeft);
        parser.noteData(bytes.length);
        done += bytes.length;
        yield { type: "D", bytes };
        continue;
      }
      const count = chunk.copy(parser.space, 0, done);
      done += count;
      const frame = parser.note(count);
      if (frame) yield frame;
    }
  }
}

interface FrameHead {
  readonly type: FrameType;
  readonly length: number;
}

/** Throws Corrupt for what is no frame, or longer than a text can be. */
function decodeHead(bytes: Buffer): FrameHead {
  const type = String.fromCharCode(bytes[0] ?? 0) as FrameType;
  const length = Number(bytes.readBigUInt64BE(1));
  if (!"SDWNEX".includes(type) || (type !== "D" && length > textBytesMax)) {
    throw new ExecutorError("Corrupt", "the server of outputs answered with something that is not a frame");
  }
  return { type, length };
}
