import { DroppedBuffers } from "./garbage.ts";
import { type NativeDeflate, type NativeResult, type NativeStream, stepStatus } from "./native-deflate.ts";

/** Log text is a fifth of its size: about as much as a read from a socket becomes. */
const outputBytes = 256 * 1024;
/** How many bytes ISA-L may have taken that turn out not to be the stream's. */
const takenBackMax = 8;

/** How a stream ended: what its source gave beyond, and the sum of what came out. */
export interface StreamEnd {
  readonly unused: Buffer;
  readonly crc: number;
}

/**
 * Inflates one raw deflate stream on the libuv pool, a step ahead of its reader as long as there is input at hand.
 * `next` gives more of it, undefined at its end. Returns undefined where the stream is damaged or ends too early.
 */
export async function* inflateSteps(
  native: NativeDeflate,
  next: () => Promise<Buffer | undefined>,
): AsyncGenerator<Buffer, StreamEnd | undefined, undefined> {
  const stream = native.openStream();
  const dropped = new DroppedBuffers();
  let before: Buffer = Buffer.alloc(0);
  let running: Promise<Step> | undefined;
  try {
    for (let input = await next(); input; input = await next()) {
      let at = 0;
      running = start(native, stream, input);
      while (running) {
        const { output, result } = await running;
        running = undefined;
        if (result.status === stepStatus.damaged) return undefined;
        at += result.usedBytes;
        const chunk = output.subarray(0, result.madeBytes);
        const isOver = result.status === stepStatus.over;
        // A full output may not be all that the input held, even where none of that is left.
        const hasMore = !isOver && (at < input.length || chunk.length === output.length);
        if (hasMore) running = start(native, stream, input.subarray(at));
        if (chunk.length > 0) yield chunk;
        dropped.note(chunk.length);
        if (isOver) return { unused: behind(before, input, at), crc: result.crc };
      }
      // A copy: the source may use the chunk's memory again.
      before = Buffer.concat([before, input.subarray(-takenBackMax)]).subarray(-takenBackMax);
    }
    return undefined;
  } finally {
    await running;
  }
}

function behind(before: Buffer, input: Buffer, at: number): Buffer {
  return at >= 0 ? input.subarray(at) : Buffer.concat([before.subarray(at), input]);
}

interface Step {
  readonly output: Buffer;
  readonly result: NativeResult;
}

async function start(native: NativeDeflate, stream: NativeStream, input: Buffer): Promise<Step> {
  const output = Buffer.allocUnsafeSlow(outputBytes);
  return { output, result: await native.inflateStream(stream, input, output) };
}
