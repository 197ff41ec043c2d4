import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";

/** What a request carries: bytes in memory, which can be sent again, or a stream that is opened for each try. */
export type Payload = MemoryPayload | StreamPayload;

export interface MemoryPayload {
  readonly sizeBytes: number;
  readonly chunks: readonly Uint8Array[];
  /** What is known of the bytes already, so that nobody computes it again. */
  readonly digests?: KnownDigests;
}

export interface KnownDigests {
  readonly md5?: Buffer;
  readonly sha256?: Buffer;
}

export interface StreamPayload {
  readonly sizeBytes: number | undefined;
  open(): Readable;
}

export function isPayloadStream(payload: Payload | undefined): payload is StreamPayload {
  return payload !== undefined && "open" in payload;
}

/** The bytes as a payload, without copying them. */
export function payloadOf(...chunks: readonly Uint8Array[]): MemoryPayload {
  return { sizeBytes: chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0), chunks };
}

/**
 * Writes what the source yields, in chunks (RFC 9112 section 7.1) where its length is not known. Rejects only with what
 * the source throws, and with Corrupt where it is not as long as announced; stops when the connection is destroyed.
 */
export async function writeStream(
  connection: Writable,
  { sizeBytes }: StreamPayload,
  source: Readable,
): Promise<void> {
  let writtenBytes = 0;
  for await (const chunk of source as AsyncIterable<Uint8Array>) {
    if (connection.destroyed) return;
    writtenBytes += chunk.byteLength;
    // The server would wait for the rest, or take what is too much for the next request.
    if (sizeBytes !== undefined && writtenBytes > sizeBytes) throw changed(writtenBytes, sizeBytes);
    if (chunk.byteLength > 0 && !write(connection, chunk, sizeBytes === undefined)) await drained(connection);
  }
  if (sizeBytes === undefined) connection.write("0\r\n\r\n", "latin1");
  else if (writtenBytes !== sizeBytes) throw changed(writtenBytes, sizeBytes);
}

function write(connection: Writable, chunk: Uint8Array, isFramed: boolean): boolean {
  if (!isFramed) return connection.write(chunk);
  connection.cork();
  connection.write(`${chunk.byteLength.toString(16)}\r\n`, "latin1");
  connection.write(chunk);
  const hasRoom = connection.write("\r\n", "latin1");
  connection.uncork();
  return hasRoom;
}

function changed(writtenBytes: number, sizeBytes: number): ExecutorError {
  const text = `the content changed while it was sent: ${writtenBytes} bytes instead of ${sizeBytes}`;
  return new ExecutorError("Corrupt", text);
}

async function drained(connection: Writable): Promise<void> {
  const closed = new AbortController();
  const onClose = () => closed.abort();
  connection.once("close", onClose);
  try {
    await once(connection, "drain", { signal: closed.signal });
  } catch {
    // Closed or failed before it drained: the connection's own end tells.
  } finally {
    connection.off("close", onClose);
  }
}
