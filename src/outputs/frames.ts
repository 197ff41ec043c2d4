import type { Readable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";

/** A piece of an answer on the outputs socket: data comes in as many frames as it arrives in chunks. */
export interface Frame {
  readonly type: "S" | "D" | "W" | "E" | "X";
  readonly bytes: Buffer;
}

export const frameHeadBytes = 9;
/** Texts are short; data is never collected. */
const textBytesMax = 64 * 1024;

/** Splits a connection's bytes into frames; data passes through without being copied (native/README.md). */
export async function* readFrames(source: Readable): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  let dataLeft = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
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
        rest = rest.subarray(frameHeadBytes);
        dataLeft = length;
        continue;
      }
      if (rest.length < frameHeadBytes + length) break;
      yield { type, bytes: rest.subarray(frameHeadBytes, frameHeadBytes + length) };
      rest = rest.subarray(frameHeadBytes + length);
    }
  }
}

/** Throws Corrupt for what is no frame, or longer than a text can be. */
export function decodeFrameHead(bytes: Buffer): { readonly type: Frame["type"]; readonly length: number } {
  const type = String.fromCharCode(bytes[0] ?? 0) as Frame["type"];
  const length = Number(bytes.readBigUInt64BE(1));
  if (type !== "D" && (!"SWEX".includes(type) || length > textBytesMax)) {
    throw new ExecutorError("Corrupt", "main's emissary answered with something that is not a frame");
  }
  return { type, length };
}
