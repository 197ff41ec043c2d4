import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";

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
  let writtenBytes = 0;
  for await (const chunk of chunks) {
    if (request.destroyed) return;
    writtenBytes += chunk.byteLength;
    if (!request.write(chunk)) await drained(request);
  }
  if (payload?.sizeBytes !== undefined && writtenBytes !== payload.sizeBytes) {
    // The server would wait for the rest, or take what is too much for the next request.
    const text = `the content changed while it was sent: ${writtenBytes} bytes instead of ${payload.sizeBytes}`;
    throw new ExecutorError("Corrupt", text);
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
