import type { Readable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";

/** A piece of an answer on the outputs socket: data comes in as many frames as it arrives in chunks. */
export interface Frame {
  readonly type: "S" | "D" | "W" | "E" | "X";
  readonly bytes: Buffer;
}

const headerBytes = 9;
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
      if (rest.length < headerBytes) break;
      const type = String.fromCharCode(rest[0] ?? 0) as Frame["type"];
      const length = Number(rest.readBigUInt64BE(1));
      if (type === "D") {
        rest = rest.subarray(headerBytes);
        dataLeft = length;
        continue;
      }
      if (!"SWEX".includes(type) || length > textBytesMax) {
        throw new ExecutorError("Corrupt", "main's emissary answered with something that is not a frame");
      }
      if (rest.length < headerBytes + length) break;
      yield { type, bytes: rest.subarray(headerBytes, headerBytes + length) };
      rest = rest.subarray(headerBytes + length);
    }
  }
}
