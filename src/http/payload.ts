import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** What a request carries: bytes in memory, which can be sent again, or a stream that is opened for each try. */
export type Payload = MemoryPayload | { readonly sizeBytes: number | undefined; open(): Readable };

export interface MemoryPayload {
  readonly sizeBytes: number;
  readonly chunks: readonly Uint8Array[];
}

export function isPayloadStream(payload: Payload | undefined): boolean {
  return payload !== undefined && "open" in payload;
}

/** The bytes as a payload, without copying them. */
export function payloadOf(...chunks: readonly Uint8Array[]): MemoryPayload {
  return { sizeBytes: chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0), chunks };
}

/** Writes the payload and ends the request. Rejects only with what the payload's own source throws. */
export async function writePayload(request: Writable, payload: Payload | undefined): Promise<void> {
  const chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array> =
    payload === undefined ? [] : "open" in payload ? payload.open() : payload.chunks;
  for await (const chunk of chunks) {
    if (request.destroyed) return;
    if (!request.write(chunk)) await drained(request);
  }
  request.end();
}

async function drained(request: Writable): Promise<void> {
  const closed = new AbortController();
  const onClose = () => closed.abort();
  request.once("close", onClose);
  try {
    await once(request, "drain", { signal: closed.signal });
  } catch {
    // Closed or failed before it drained: the request's own error event tells.
  } finally {
    request.off("close", onClose);
  }
}
