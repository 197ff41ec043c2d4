import { type Payload, payloadOf } from "../../../http/index.ts";
import type { FileContent } from "../../../streams/index.ts";

/** An archive up to this size is made before it is sent, so that its length can be announced. */
const gatheredBytesMax = 4 * 1024 * 1024;

/**
 * What a PUT carries. Presigned URLs, and servers that keep plain files, refuse content without a length (411, 501),
 * and that of an archive is known when it is made: a small one is gathered for it, a large one goes in chunks
 * (docs/contract/artifacts.md#D-36).
 */
export async function uploadPayload(content: FileContent, signal: AbortSignal): Promise<Payload> {
  const stream: Payload = { sizeBytes: content.sizeBytes, open: () => content.open() };
  if (content.sizeBytes !== undefined || !content.replayable) return stream;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of content.open() as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    sizeBytes += chunk.length;
    // Leaving the loop ends the source; the upload reads it from its beginning.
    if (sizeBytes > gatheredBytesMax) return stream;
    chunks.push(chunk);
  }
  return payloadOf(...chunks);
}
