import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { crc32c as openCrc32c } from "../src/artifacts/crc.ts";
import { type QuickStore, serveQuickly, slices } from "./quick-store.ts";

interface Large {
  readonly name: string;
  readonly parts: Buffer[];
  sizeBytes: number;
  crc: bigint;
}

const crcs = openCrc32c();

/** As much of GCS' JSON API as one large object needs: resumable uploads, look-ups and ranges, in memory. */
export async function startQuickGcsStore(): Promise<QuickStore> {
  const objects = new Map<string, Large>();
  return await serveQuickly((request, response) => answer(objects, request, response));
}

async function answer(
  objects: Map<string, Large>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
  const session = searchParams.get("upload_id");
  if (session !== null) {
    const object = objects.get(session);
    if (object) await take(object, request, response);
    else response.writeHead(404).end();
  } else if (request.method === "POST") {
    const { name } = JSON.parse((await buffer(request)).toString()) as { name: string };
    objects.set(name, { name, parts: [], sizeBytes: 0, crc: crcs.empty });
    const location = `http://${request.headers.host}${pathname}?upload_id=${encodeURIComponent(name)}`;
    response.writeHead(200, { location, "content-length": 0 }).end();
  } else {
    const object = objects.get(decodeURIComponent(pathname.split("/o/")[1] ?? ""));
    if (!object) response.writeHead(404, { "content-length": 0 }).end();
    else if (searchParams.get("alt") === "media") await send(object, request, response);
    else response.writeHead(200, { "content-type": "application/json" }).end(resourceOf(object));
  }
}

async function take(object: Large, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const bytes = await buffer(request);
  if (bytes.byteLength > 0) object.parts.push(bytes);
  object.sizeBytes += bytes.byteLength;
  object.crc = crcs.update(object.crc, bytes);
  const isLast = !/\/\*$/.test(request.headers["content-range"] ?? "");
  if (isLast) response.writeHead(200, { "content-type": "application/json" }).end(resourceOf(object));
  else response.writeHead(308, { range: `bytes=0-${object.sizeBytes - 1}`, "content-length": 0 }).end();
}

async function send(object: Large, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { sizeBytes } = object;
  const [, from = "0", to = String(sizeBytes - 1)] =
    /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const [start, end] = [Number(from), Math.min(sizeBytes, Number(to) + 1)];
  const isPart = request.headers.range !== undefined;
  response.writeHead(isPart ? 206 : 200, {
    "x-goog-generation": "1",
    "x-goog-hash": `crc32c=${textOf(object.crc)}`,
    "content-length": end - start,
    ...(isPart && { "content-range": `bytes ${start}-${end - 1}/${sizeBytes}` }),
  });
  await pipeline(Readable.from(slices(object.parts, start, end)), response);
}

function resourceOf({ name, sizeBytes, crc }: Large): string {
  return JSON.stringify({ name, size: String(sizeBytes), generation: "1", crc32c: textOf(crc) });
}

function textOf(crc: bigint): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number(crc));
  return bytes.toString("base64");
}
