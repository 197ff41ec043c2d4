import { createReadStream, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { ExchangeObserver } from "./exchange.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Reply } from "./request.ts";

/** Runs of content up to this size are read with one call. */
const smallBytes = 128 * 1024;
const readBytes = 512 * 1024;

/** Sends a reply past whoever follows the exchange. Resolves when everything is sent; rejects if the client left. */
export async function transmit(
  response: ServerResponse,
  reply: Reply,
  store: ObjectStore,
  observer: ExchangeObserver | undefined,
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
  response.writeHead(reply.status, { ...reply.headers });
  const observe = observer?.answer?.bind(observer);
  if (isHead || body === undefined) {
    if (observe) for await (const _ of observe(noBytes()));
    response.end();
    return;
  }
  if (typeof body === "string" && !observe) {
    response.end(body);
    return;
  }
  if (
    typeof body !== "string" &&
    !observe &&
    body.object.sizeBytes <= smallBytes &&
    body.object.blobs.length === 1
  ) {
    const [blob] = body.object.blobs;
    response.end(blob && readFileSync(store.path(blob)).subarray(body.start, body.end));
    return;
  }
  using _lease = typeof body === "string" ? undefined : store.lease(body.object);
  const content = typeof body === "string" ? textBytes(body) : objectBytes(store, body);
  await pipeline(observe ? observe(content) : content, response);
}

async function* noBytes(): AsyncGenerator<Buffer> {}

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
    if (blob.sizeBytes <= smallBytes) yield readFileSync(path).subarray(from, to);
    else yield* createReadStream(path, { start: from, end: to - 1, highWaterMark: readBytes });
  }
}
