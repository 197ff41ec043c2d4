import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { crc64 as openCrc64 } from "../src/artifacts/crc.ts";

export type Dialect = "s3" | "azure" | "oss";

/** As much of S3, Azure Blob or OSS as an upload and a download need: in memory, and believing all that it is told. */
export interface QuickStore extends AsyncDisposable {
  readonly endpoint: string;
}

interface Stored {
  readonly parts: readonly Buffer[];
  readonly sizeBytes: number;
  readonly md5: string;
  readonly crc64: bigint;
}

const modified = new Date().toUTCString();

/**
 * The stores that check signatures and write to disks are busy on their own: an emulator takes three milliseconds of a
 * core for an object of 4 KiB. How many objects a client has in flight shows on a store that is not what it waits for.
 */
export async function startQuickStore(dialect: Dialect): Promise<QuickStore> {
  const objects = new Map<string, Stored>();
  /** Of an upload that has begun; there is one at a time. */
  const parts: Buffer[] = [];
  const server = createServer((request, response) => {
    answer({ dialect, objects, parts }, request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface State {
  readonly dialect: Dialect;
  readonly objects: Map<string, Stored>;
  readonly parts: Buffer[];
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { dialect, objects } = state;
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
  // The bucket, and Azure's account before it.
  const key = decodeURIComponent(
    pathname
      .split("/")
      .slice(dialect === "azure" ? 3 : 2)
      .join("/"),
  );
  if (request.method === "PUT" || request.method === "POST") {
    const bytes = await buffer(request);
    if (searchParams.has("partNumber"))
      acceptPart(state, Number(searchParams.get("partNumber")), bytes, response);
    else if (searchParams.has("uploads"))
      response.end(xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"));
    else completeObject(state, key, searchParams.has("uploadId") ? state.parts.splice(0) : [bytes], response);
  } else if (key === "") {
    const list = dialect === "azure" ? azurePage : s3Page;
    response.writeHead(200, { "content-type": "application/xml" }).end(list(objects, searchParams));
  } else {
    const found = objects.get(key);
    if (found) await send(state, found, request, response);
    else response.writeHead(404, { "x-ms-error-code": "BlobNotFound", "content-length": 0 }).end();
  }
}

function acceptPart({ parts }: State, number: number, bytes: Buffer, response: ServerResponse): void {
  parts[number - 1] = bytes;
  const headers = {
    etag: tagOf(md5Of(bytes)),
    "x-oss-hash-crc64ecma": String(crcOf(bytes)),
    "content-length": 0,
  };
  response.writeHead(200, headers).end();
}

function completeObject(
  { dialect, objects }: State,
  key: string,
  parts: readonly Buffer[],
  response: ServerResponse,
): void {
  const [first = Buffer.alloc(0)] = parts;
  const crcs = parts.map((part) => [crcOf(part), part.byteLength] as const);
  const crc64 =
    dialect === "oss" ? crcs.reduce((sum, [crc, size]) => crc64s.combine(sum, crc, size), crc64s.empty) : 0n;
  const sizeBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const object = { parts, sizeBytes, md5: md5Of(first), crc64 };
  objects.set(key, object);
  const status = dialect === "azure" ? 201 : 200;
  const body =
    parts.length > 1 ? xml("CompleteMultipartUploadResult", `<ETag>${tagOf(object.md5)}</ETag>`) : "";
  response.writeHead(status, { etag: tagOf(object.md5), ...hashOf(object, dialect) }).end(body);
}

async function send(
  { dialect }: State,
  found: Stored,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, from = "0", to = String(found.sizeBytes - 1)] =
    /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const [start, end] = [Number(from), Math.min(found.sizeBytes, Number(to) + 1)];
  const isPart = request.headers.range !== undefined;
  response.writeHead(isPart ? 206 : 200, {
    etag: tagOf(found.md5),
    "last-modified": modified,
    "content-length": end - start,
    ...(isPart && { "content-range": `bytes ${start}-${end - 1}/${found.sizeBytes}` }),
    ...(dialect === "azure" && { "content-md5": found.md5, "x-ms-blob-type": "BlockBlob" }),
    ...hashOf(found, dialect),
  });
  if (request.method !== "HEAD") await pipeline(Readable.from(slices(found.parts, start, end)), response);
  else response.end();
}

function* slices(parts: readonly Buffer[], start: number, end: number): Generator<Buffer> {
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (piece.byteLength > 0) yield piece;
    at += part.byteLength;
  }
}

function hashOf({ crc64 }: Stored, dialect: Dialect): Readonly<Record<string, string>> {
  return dialect === "oss" ? { "x-oss-hash-crc64ecma": String(crc64) } : {};
}

const crc64s = openCrc64();

function crcOf(bytes: Uint8Array): bigint {
  return crc64s.update(crc64s.empty, bytes);
}

function md5Of(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("base64");
}

function xml(name: string, content: string): string {
  return `<?xml version="1.0"?><${name}>${content}</${name}>`;
}

function tagOf(md5: string): string {
  return `"${Buffer.from(md5, "base64").toString("hex")}"`;
}

/** A page of the keys below a prefix, and where the next one begins. */
function pageOf(objects: ReadonlyMap<string, Stored>, prefix: string, after: string, length: number) {
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, length);
  return { page, next: keys.length > length ? page.at(-1) : undefined };
}

function s3Page(objects: ReadonlyMap<string, Stored>, query: URLSearchParams): string {
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const { page, next } = pageOf(
    objects,
    query.get("prefix") ?? "",
    after,
    Number(query.get("max-keys") ?? 1000),
  );
  const contents = page.map((key) => {
    const { sizeBytes, md5 } = objects.get(key) as Stored;
    const fields = `<ETag>&quot;${tagOf(md5).slice(1, -1)}&quot;</ETag><Size>${sizeBytes}</Size>`;
    return `<Contents><Key>${key}</Key><LastModified>${new Date(modified).toISOString()}</LastModified>${fields}</Contents>`;
  });
  const more = next === undefined ? "" : `<NextContinuationToken>${next}</NextContinuationToken>`;
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${more}${contents.join("")}</ListBucketResult>`;
}

function azurePage(objects: ReadonlyMap<string, Stored>, query: URLSearchParams): string {
  const length = Number(query.get("maxresults") ?? 5000);
  const { page, next } = pageOf(objects, query.get("prefix") ?? "", query.get("marker") ?? "", length);
  const blobs = page.map((key) => {
    const { sizeBytes, md5 } = objects.get(key) as Stored;
    const fields = `<Etag>${tagOf(md5)}</Etag><Content-Length>${sizeBytes}</Content-Length><Content-MD5>${md5}</Content-MD5>`;
    return `<Blob><Name>${key}</Name><Properties><Last-Modified>${modified}</Last-Modified>${fields}</Properties></Blob>`;
  });
  return `<?xml version="1.0"?><EnumerationResults><Blobs>${blobs.join("")}</Blobs><NextMarker>${next ?? ""}</NextMarker></EnumerationResults>`;
}
