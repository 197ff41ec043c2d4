import { ExecutorError } from "../errors/index.ts";

const headBytes = 5;

/** A message with its length in front (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export function frameOf(message: Uint8Array, isCompressed = false): Buffer {
  const head = Buffer.alloc(headBytes);
  head[0] = Number(isCompressed);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

/** A message that no decoder of Protocol Buffers takes: a tag that does not end. */
export const brokenFrame = frameOf(Buffer.of(0xff));

/**
 * Cuts a body into messages. What a message says of its length is checked before anything is kept for it.
 * @throws TooLarge beyond `messageBytesMax`, Corrupt for a compressed message, and for a body that ends within one
 */
export async function* messagesOf(
  body: AsyncIterable<Buffer>,
  messageBytesMax: number,
): AsyncGenerator<Buffer, void, undefined> {
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted: number | undefined;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= (wanted ?? headBytes)) {
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const taken = bytes.subarray(0, wanted ?? headBytes);
      chunks = [bytes.subarray(taken.length)];
      size -= taken.length;
      if (wanted === undefined) wanted = lengthIn(taken, messageBytesMax);
      else {
        wanted = undefined;
        yield taken;
      }
    }
  }
  if (size > 0 || wanted !== undefined) {
    throw new ExecutorError("Corrupt", "the answer ends in the middle of a message");
  }
}

function lengthIn(head: Buffer, messageBytesMax: number): number {
  const length = head.readUInt32BE(1);
  // We said that we take plain messages only.
  if (head[0] !== 0)
    throw new ExecutorError("Corrupt", "the answer holds a compressed message, which nobody asked for");
  if (length <= messageBytesMax) return length;
  throw new ExecutorError(
    "TooLarge",
    `received message larger than max (${length} vs. ${messageBytesMax} bytes)`,
  );
}
