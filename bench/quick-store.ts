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
  /** What is sent with it. */
  readonly headers: Readonly<Record<string, string>>;
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
  return await serveQuickly((request, response) => answer({ dialect, objects, parts }, request, response));
}

/** A server on a port of its own, whose answers fail by breaking off. */
export async function serveQuickly(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<QuickStore> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
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
    const block = searchParams.get("blockid");
    if (block !== null) {
      // Its number is at the end of what the client calls it.
      acceptPart(state, Number(Buffer.from(block, "base64").toString().slice(-6)), bytes, response);
    } else if (searchParams.get("comp") === "blocklist") {
      const kept = Object.entries(request.headers).filter(([name]) => name.startsWith("x-ms-meta-"));
      const headers = Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
      completeObject(state, key, { parts: state.parts.splice(0), headers }, response);
    } else if (searchParams.has("partNumber"))
      acceptPart(state, Number(searchParams.get("partNumber")), bytes, response);
    else if (searchParams.has("uploads"))
      response.end(xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"));
    else
      completeObject(
        state,
        key,
        { parts: searchParams.has("uploadId") ? state.parts.splice(0) : [bytes] },
        response,
      );
  } else if (key === "") {
    const list = dialect === "azure" ? azurePage : s3Page;
    response.writeHead(200, { "content-type": "application/xml" }).end(list(objects, searchParams));
  } else {
    const found = objects.get(key);
    if (found) await send(found, request, response);
    else response.writeHead(404, { "x-ms-error-code": "BlobNotFound", "content-length": 0 }).end();
  }
}

function acceptPart(
  { dialect, parts }: State,
  number: number,
  bytes: Buffer,
  response: ServerResponse,
): void {
  parts[number - 1] = bytes;
  const status = dialect === "azure" ? 201 : 200;
  response
    .writeHead(status, { etag: tagOf(md5Of(bytes)), "content-length": 0, ...hashOf([bytes], dialect) })
    .end();
}

function completeObject(
  { dialect, objects }: State,
  key: string,
  { parts, headers = {} }: Pick<Stored, "parts"> & { readonly headers?: Stored["headers"] },
  response: ServerResponse,
): void {
  const [first = Buffer.alloc(0)] = parts;
  const isWhole = parts.length === 1;
  const md5 = md5Of(first);
  const hash = hashOf(parts, dialect);
  const own =
    dialect === "azure" ? { "x-ms-blob-type": "BlockBlob", ...(isWhole && { "content-md5": md5 }) } : {};
  const sizeBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  objects.set(key, { parts, sizeBytes, md5, headers: { ...headers, ...own, ...hash } });
  const status = dialect === "azure" ? 201 : 200;
  const body = isWhole ? "" : xml("CompleteMultipartUploadResult", `<ETag>${tagOf(md5)}</ETag>`);
  response.writeHead(status, { etag: tagOf(md5), ...hash }).end(body);
}

async function send(found: Stored, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, from = "0", to = String(found.sizeBytes - 1)] =
    /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const [start, end] = [Number(from), Math.min(found.sizeBytes, Number(to) + 1)];
  const isPart = request.headers.range !== undefined;
  response.writeHead(isPart ? 206 : 200, {
    etag: tagOf(found.md5),
    "last-modified": modified,
    "content-length": end - start,
    ...(isPart && { "content-range": `bytes ${start}-${end - 1}/${found.sizeBytes}` }),
    ...found.headers,
  });
  if (request.method !== "HEAD") await pipeline(Readable.from(slices(found.parts, start, end)), response);
  else response.end();
}

/** The bytes from `start` to `end` of what the parts are together. */
export function* slices(parts: readonly Buffer[], start: number, end: number): Generator<Buffer> {
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (piece.byteLength > 0) yield piece;
    at += part.byteLength;
  }
}

const crc64s = openCrc64();

/** OSS names the CRC-64 of all that is written. */
function hashOf(parts: readonly Buffer[], dialect: Dialect): Readonly<Record<string, string>> {
  if (dialect !== "oss") return {};
  const sum = parts.reduce((before, part) => {
    return crc64s.combine(before, crc64s.update(crc64s.empty, part), part.byteLength);
  }, crc64s.empty);
  return { "x-oss-hash-crc64ecma": String(sum) };
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
  const keys = sortedKeys(objects);
  const from = after > prefix ? firstAt(keys, (key) => key > after) : firstAt(keys, (key) => key >= prefix);
  const page = keys.slice(from, from + length).filter((key) => key.startsWith(prefix));
  const hasMore = page.length === length && keys[from + length]?.startsWith(prefix) === true;
  return { page, next: hasMore ? page.at(-1) : undefined };
}

const sorted = new WeakMap<ReadonlyMap<string, Stored>, readonly string[]>();

/** In their order; sorted once while none is added, for a million of them have a thousand pages. */
function sortedKeys(objects: ReadonlyMap<string, Stored>): readonly string[] {
  const known = sorted.get(objects);
  if (known?.length === objects.size) return known;
  const keys = [...objects.keys()].sort();
  sorted.set(objects, keys);
  return keys;
}

/** The first place from which on all keys are as wanted. */
function firstAt(keys: readonly string[], isWanted: (key: string) => boolean): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isWanted(keys[middle] ?? "")) high = middle;
    else low = middle + 1;
  }
  return low;
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
