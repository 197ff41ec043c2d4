import { createReadStream, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { Fault } from "./faults.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Reply } from "./request.ts";

/** Runs of content up to this size are read with one call. */
const SMALL_BYTES = 128 * 1024;
const READ_BYTES = 512 * 1024;

/** Thrown where a scripted fault has cut the connection; there is nobody to answer any more. */
export class ConnectionCut extends Error {}

/** The bytes of a request as they arrive, counted, and disturbed by the fault that struck it. */
export async function* requestBytes(
  message: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const cutAfter = fault?.kind === "reset" && fault.of === "request" ? (fault.afterBytes ?? 0) : undefined;
  const signal = fault?.kind === "slow" ? untilClosed(response) : undefined;
  let received = 0;
  if (cutAfter === 0) cut(message);
  // The message must outlive a body that is given up, since the answer goes over the same socket.
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    received += chunk.length;
    count(chunk.length);
    if (cutAfter !== undefined && received >= cutAfter) cut(message);
    if (fault?.kind === "slow") await pause((chunk.length / fault.bytesPerSecond) * 1000, signal);
    yield chunk;
  }
}

/** Node cannot reset the connection below TLS; without a closing message its end is an error for the client all the same. */
function resetConnection(socket: Socket | null): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}

function cut(message: IncomingMessage): never {
  resetConnection(message.socket);
  throw new ConnectionCut("connection reset by a scripted fault");
}

/** Sends a reply, with the fault that struck the request. Resolves when everything is sent; rejects if the client left. */
export async function transmit(
  response: ServerResponse,
  reply: Reply,
  store: ObjectStore,
  fault: Fault | undefined,
): Promise<void> {
  const isHead = response.req.method === "HEAD";
  const { body } = reply;
  if (typeof body === "string") {
    response.setHeader("content-length", Buffer.byteLength(body));
    if (!response.hasHeader("content-type") && !reply.headers?.["content-type"]) {
      response.setHeader("content-type", "application/xml");
    }
  } else if (body === undefined && reply.status !== 204 && reply.status !== 304) {
    response.setHeader("content-length", 0);
  }
  if (fault?.kind === "truncate") response.setHeader("connection", "close");
  response.writeHead(reply.status, { ...reply.headers });
  if (isHead || body === undefined) {
    if (fault?.kind === "stall") await pause(fault.ms, untilClosed(response));
    if (fault?.kind === "reset") resetConnection(response.socket);
    else response.end();
    return;
  }
  if (typeof body === "string" && !fault) {
    response.end(body);
    return;
  }
  if (
    typeof body !== "string" &&
    !fault &&
    body.object.sizeBytes <= SMALL_BYTES &&
    body.object.blobs.length === 1
  ) {
    const [blob] = body.object.blobs;
    response.end(blob && readFileSync(store.path(blob)).subarray(body.start, body.end));
    return;
  }
  using _lease = typeof body === "string" ? undefined : store.lease(body.object);
  const content = typeof body === "string" ? textBytes(body) : objectBytes(store, body);
  await pipeline(fault ? disturbed(content, fault, response) : content, response);
}

async function* textBytes(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

async function* objectBytes(
  store: ObjectStore,
  { object, start, end }: Exclude<Reply["body"], string | undefined>,
): AsyncGenerator<Buffer> {
  let blobStart = 0;
  for (const blob of object.blobs) {
    const from = Math.max(0, start - blobStart);
    const to = Math.min(blob.sizeBytes, end - blobStart);
    blobStart += blob.sizeBytes;
    if (from >= to) continue;
    const path = store.path(blob);
    if (blob.sizeBytes <= SMALL_BYTES) yield readFileSync(path).subarray(from, to);
    else yield* createReadStream(path, { start: from, end: to - 1, highWaterMark: READ_BYTES });
  }
}

async function* disturbed(
  content: AsyncIterable<Buffer>,
  fault: Fault,
  response: ServerResponse,
): AsyncGenerator<Buffer> {
  let sent = 0;
  const limit = "afterBytes" in fault ? (fault.afterBytes ?? 0) : 0;
  const isReset = fault.kind === "reset" && fault.of !== "request";
  let isHeld = fault.kind === "stall";
  const signal = untilClosed(response);
  for await (const chunk of content) {
    const start = sent;
    sent += chunk.length;
    if (fault.kind === "slow") {
      yield* paced(chunk, fault.bytesPerSecond, signal);
      continue;
    }
    if (fault.kind === "corrupt") {
      const at = (fault.at ?? 0) - start;
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 0xff;
    }
    if (sent < limit || !(isReset || isHeld || fault.kind === "truncate")) {
      yield chunk;
      continue;
    }
    if (limit > start) yield chunk.subarray(0, limit - start);
    await flushed(response);
    if (isReset) resetConnection(response.socket);
    if (!isHeld) return;
    await pause(fault.kind === "stall" ? fault.ms : 0, signal);
    isHeld = false;
    yield chunk.subarray(Math.max(0, limit - start));
  }
}

/** Twenty pieces a second. */
async function* paced(chunk: Buffer, bytesPerSecond: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const pieceBytes = Math.max(1, Math.ceil(bytesPerSecond / 20));
  for (let at = 0; at < chunk.length; at += pieceBytes) {
    const piece = chunk.subarray(at, at + pieceBytes);
    yield piece;
    await pause((piece.length / bytesPerSecond) * 1000, signal);
  }
}

/** Aborts once there is nobody to wait for: the client has left, or the server is closing. */
export function untilClosed(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) controller.abort();
  else response.once("close", () => controller.abort());
  return controller.signal;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return sleep(ms, undefined, signal ? { signal } : {});
}

/** Gives the bytes handed over so far to the kernel; a reset would drop them otherwise. */
async function flushed(response: ServerResponse): Promise<void> {
  response.flushHeaders();
  // Two turns of the event loop: one for the pipeline to hand the last piece on, one for the socket to write it.
  while (response.writableLength > 0 && !response.destroyed) await sleep(1);
  await sleep(2);
}
