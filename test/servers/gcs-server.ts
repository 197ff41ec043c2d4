import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { newId, rangeOf, type StoredObject, StoredObjects } from "./stored-objects.ts";

/**
 * As much of the JSON API of Google Cloud Storage as clients use for objects: resources, media with ranges, uploads of
 * each kind, listings, conditions. It checks what the real one checks: checksums, the multiples of 256 KiB in sessions,
 * and order. Tokens are the front's to check (google-front.ts).
 */
export interface GcsServer extends AsyncDisposable {
  readonly endpoint: string;
  createBucket(name: string): void;
  objects(bucket: string): ReadonlyMap<string, StoredObject>;
  /** How many bytes a session takes at most with each request, the rest being left to the client. */
  sessionBytesMax: number;
}

interface Session {
  readonly bucket: string;
  readonly metadata: Metadata;
  bytes: Buffer[];
  size: number;
  result: object | undefined;
}

const granule = 256 * 1024;

export async function startGcsServer(): Promise<GcsServer> {
  const store = new StoredObjects();
  const sessions = new Map<string, Session>();
  const turns = new Map<string, Promise<void>>();
  const state = { sessionBytesMax: Number.POSITIVE_INFINITY };

  const resource = (
    bucket: string,
    name: string,
    { content, contentType, generation, headers, modifiedMs, metadata }: StoredObject,
  ) => ({
    kind: "storage#object",
    bucket,
    name,
    generation,
    contentType,
    size: String(content.length),
    updated: new Date(modifiedMs).toISOString(),
    md5Hash: createHash("md5").update(content).digest("base64"),
    crc32c: headers.crc32c,
    ...metadata,
    ...(headers["content-encoding"] === undefined ? {} : { contentEncoding: headers["content-encoding"] }),
    ...(headers["cache-control"] === undefined ? {} : { cacheControl: headers["cache-control"] }),
  });

  const insert = (bucketName: string, metadata: Metadata, content: Buffer): object => {
    const bucket = store.buckets.get(bucketName);
    if (bucket === undefined) throw new Refusal(404, "notFound", "The specified bucket does not exist.");
    const crc32c = slowCrc32c(content);
    if (metadata.crc32c !== undefined && metadata.crc32c !== crc32c) {
      throw new Refusal(400, "invalid", "Provided CRC32C does not match the calculated one.");
    }
    const md5 = createHash("md5").update(content).digest("base64");
    if (metadata.md5Hash !== undefined && metadata.md5Hash !== md5) {
      throw new Refusal(400, "invalid", "Provided MD5 hash does not match the calculated one.");
    }
    const { name = "", contentType = "application/octet-stream", contentEncoding, cacheControl } = metadata;
    const encoding: Record<string, string> = {
      ...(contentEncoding === undefined ? {} : { "content-encoding": contentEncoding }),
      ...(cacheControl === undefined ? {} : { "cache-control": cacheControl }),
    };
    const kept = metadata.metadata === undefined ? {} : { metadata: metadata.metadata };
    const headers = { crc32c, ...encoding };
    const object = store.put(bucket, name, { content, contentType, headers, metadata: kept });
    return resource(bucketName, name, object);
  };

  const upload = async (message: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const bucket = decodeURIComponent(/^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(url.pathname)?.[1] ?? "");
    const sessionId = url.searchParams.get("upload_id");
    if (sessionId !== null) {
      // One request of a session after the other: what a broken one left is settled before the next is answered.
      const before = turns.get(sessionId) ?? Promise.resolve();
      const turn = before.then(() => continueSession(message, response, sessionId));
      turns.set(
        sessionId,
        turn.catch(() => {}),
      );
      return await turn;
    }
    const body = Buffer.concat(await message.toArray());
    const type = url.searchParams.get("uploadType");
    const name = url.searchParams.get("name") ?? "";
    if (type === "multipart") {
      const [metadata, contentType, content] = splitRelated(message.headers["content-type"] ?? "", body);
      return json(response, 200, insert(bucket, { name, contentType, ...metadata }, content));
    }
    if (type === "media") {
      return json(response, 200, insert(bucket, { name }, body));
    }
    if (!store.buckets.has(bucket))
      throw new Refusal(404, "notFound", "The specified bucket does not exist.");
    const metadata = (body.length === 0 ? {} : JSON.parse(body.toString())) as Metadata;
    const id = newId();
    const contentType = metadata.contentType ?? String(message.headers["x-upload-content-type"] ?? "");
    sessions.set(id, {
      bucket,
      metadata: { ...metadata, name: metadata.name ?? name, contentType },
      bytes: [],
      size: 0,
      result: undefined,
    });
    const location = `http://${message.headers.host}${url.pathname}?uploadType=resumable&upload_id=${id}`;
    response.writeHead(200, { location, "content-length": "0" }).end();
  };

  const continueSession = async (
    message: IncomingMessage,
    response: ServerResponse,
    id: string,
  ): Promise<void> => {
    const session = sessions.get(id);
    if (session === undefined) throw new Refusal(404, "notFound", "No such upload session.");
    if (message.method === "DELETE") {
      sessions.delete(id);
      response.writeHead(499, { "content-length": "0" }).end();
      return;
    }
    const range = String(message.headers["content-range"] ?? "");
    const [, first, last, total = "*"] = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(range) ?? [];
    if (session.result !== undefined) {
      message.resume();
      return json(response, 200, session.result);
    }
    if (first !== undefined) {
      const start = Number(first);
      if (start > session.size) throw new Refusal(503, "backendError", "Bytes are missing.");
      let at = start;
      // What arrives before a connection breaks stays, in whole granules.
      try {
        for await (const chunk of message as AsyncIterable<Buffer>) {
          const fresh = chunk.subarray(Math.max(0, session.size - at));
          at += chunk.length;
          if (session.size - start + fresh.length > state.sessionBytesMax) continue;
          session.bytes.push(fresh);
          session.size += fresh.length;
        }
      } catch {
        truncate(session, session.size - (session.size % granule));
        return;
      }
      const isLast = total !== "*" && session.size === Number(total);
      if (!isLast) truncate(session, session.size - (session.size % granule));
      if (at !== Number(last) + 1) throw new Refusal(400, "invalid", "Content-Range and length differ.");
    } else message.resume();
    if (total !== "*" && session.size === Number(total)) {
      const content = Buffer.concat(session.bytes);
      const claimed = /crc32c=([^,\s]+)/.exec(String(message.headers["x-goog-hash"] ?? ""))?.[1];
      const { bucket, metadata } = session;
      session.result = insert(bucket, { ...metadata, ...(claimed ? { crc32c: claimed } : {}) }, content);
      session.bytes = [];
      return json(response, 200, session.result);
    }
    const known: Record<string, string> = session.size === 0 ? {} : { range: `bytes=0-${session.size - 1}` };
    response.writeHead(308, { ...known, "content-length": "0" }).end();
  };

  const list = (response: ServerResponse, bucketName: string, query: URLSearchParams) => {
    const bucket = store.buckets.get(bucketName);
    if (bucket === undefined) throw new Refusal(404, "notFound", "The specified bucket does not exist.");
    const from = query.get("pageToken") ?? query.get("startOffset") ?? "";
    const all = store
      .list(bucket, query.get("prefix") ?? "")
      .filter(([key]) => Buffer.compare(Buffer.from(key), Buffer.from(from)) >= 0);
    const size = Number(query.get("maxResults") ?? 1000);
    const next = all[size]?.[0];
    const items = all.slice(0, size).map(([key, object]) => resource(bucketName, key, object));
    json(response, 200, {
      kind: "storage#objects",
      ...(items.length === 0 ? {} : { items }),
      ...(next === undefined ? {} : { nextPageToken: next }),
    });
  };

  const object = (message: IncomingMessage, response: ServerResponse, url: URL, names: readonly string[]) => {
    const [bucketName = "", key = ""] = names;
    const bucket = store.buckets.get(bucketName);
    const stored = bucket?.get(key);
    if (bucket === undefined || stored === undefined)
      throw new Refusal(404, "notFound", `No such object: ${key}`);
    const condition = url.searchParams.get("ifGenerationMatch");
    if (condition !== null && condition !== stored.generation) {
      throw new Refusal(
        412,
        "conditionNotMet",
        "At least one of the pre-conditions you specified did not hold.",
      );
    }
    if (message.method === "DELETE") {
      bucket.delete(key);
      response.writeHead(204).end();
      return;
    }
    if (url.searchParams.get("alt") !== "media")
      return json(response, 200, resource(bucketName, key, stored));
    const range = rangeOf(message.headers.range, stored.content.length);
    const bytes = stored.content.subarray(range?.start ?? 0, range?.end ?? stored.content.length);
    const size = stored.content.length;
    response.writeHead(range ? 206 : 200, {
      "content-type": stored.contentType,
      "content-length": String(bytes.length),
      "x-goog-generation": stored.generation,
      "x-goog-hash": `crc32c=${stored.headers.crc32c}`,
      ...(range ? { "content-range": `bytes ${range.start}-${range.end - 1}/${size}` } : {}),
    });
    response.end(bytes);
  };

  /** In two steps, as the real one does it with what is large. */
  const rewrite = (
    response: ServerResponse,
    query: URLSearchParams,
    names: Readonly<Record<"fromBucket" | "fromKey" | "toBucket" | "toKey", string>>,
  ) => {
    const source = store.buckets.get(names.fromBucket)?.get(names.fromKey);
    const bucket = store.buckets.get(names.toBucket);
    if (source === undefined || bucket === undefined) throw new Refusal(404, "notFound", "No such object");
    if ((query.get("ifSourceGenerationMatch") ?? source.generation) !== source.generation) {
      throw new Refusal(
        412,
        "conditionNotMet",
        "At least one of the pre-conditions you specified did not hold.",
      );
    }
    const kind = "storage#rewriteResponse";
    if (query.get("rewriteToken") === null) {
      return json(response, 200, { kind, done: false, rewriteToken: "half" });
    }
    const { content, contentType, headers, metadata } = source;
    const object = store.put(bucket, names.toKey, {
      content,
      contentType,
      headers,
      ...(metadata ? { metadata } : {}),
    });
    json(response, 200, { kind, done: true, resource: resource(names.toBucket, names.toKey, object) });
  };

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(message.url ?? "", "http://gcs");
    if (url.pathname.startsWith("/upload/")) return await upload(message, response, url);
    const copy = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)\/rewriteTo\/b\/([^/]+)\/o\/([^/]+)$/.exec(
      url.pathname,
    );
    if (copy !== null) {
      message.resume();
      const [fromBucket = "", fromKey = "", toBucket = "", toKey = ""] = copy
        .slice(1)
        .map(decodeURIComponent);
      return rewrite(response, url.searchParams, { fromBucket, fromKey, toBucket, toKey });
    }
    const parts = /^\/(?:download\/)?storage\/v1\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(url.pathname);
    if (parts === null) throw new Refusal(404, "notFound", "Not Found");
    const [, bucket = "", key] = parts;
    if (key === undefined) return list(response, decodeURIComponent(bucket), url.searchParams);
    object(message, response, url, [decodeURIComponent(bucket), decodeURIComponent(key)]);
  };

  const server = createServer((message, response) => {
    serve(message, response).catch((error: unknown) => {
      message.resume();
      const { status, reason, text } =
        error instanceof Refusal ? error : new Refusal(500, "backendError", String(error));
      json(response, status, { error: { code: status, message: text, errors: [{ reason, message: text }] } });
    });
  });
  server.keepAliveTimeout = 30_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    createBucket: (name) => void store.buckets.set(name, store.buckets.get(name) ?? new Map()),
    objects: (name) => store.buckets.get(name) ?? new Map(),
    get sessionBytesMax() {
      return state.sessionBytesMax;
    },
    set sessionBytesMax(bytes) {
      state.sessionBytesMax = bytes;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Metadata {
  readonly name?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly cacheControl?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly crc32c?: string;
  readonly md5Hash?: string;
}

class Refusal {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
  constructor(status: number, reason: string, text: string) {
    this.status = status;
    this.reason = reason;
    this.text = text;
  }
}

function truncate(session: Session, size: number): void {
  session.bytes = [Buffer.concat(session.bytes).subarray(0, size)];
  session.size = size;
}

function json(response: ServerResponse, status: number, value: object): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(value);
  const headers = {
    "content-type": "application/json; charset=UTF-8",
    "content-length": Buffer.byteLength(text),
  };
  response.writeHead(status, headers).end(text);
}

/** Two parts (RFC 2387): the metadata, then the content as it is. */
function splitRelated(header: string, body: Buffer): [Metadata, string, Buffer] {
  const boundary = /boundary="?([^";]+)"?/.exec(header)?.[1] ?? "";
  const starts: number[] = [];
  for (let at = body.indexOf(`--${boundary}`); at !== -1; at = body.indexOf(`--${boundary}`, at + 1))
    starts.push(at);
  const [first = 0, second = 0] = starts;
  const end = starts.at(-1) ?? 0;
  const part = (from: number, to: number): [string, Buffer] => {
    const bytes = body.subarray(from, to - 2);
    const headEnd = bytes.indexOf("\r\n\r\n");
    return [bytes.subarray(0, headEnd).toString(), bytes.subarray(headEnd + 4)];
  };
  const [, metadata] = part(first, second);
  const [head, content] = part(second, end);
  const contentType = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? "";
  return [JSON.parse(metadata.toString()) as Metadata, contentType, content];
}

const slowTable = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** Byte by byte, as the definition says it: not the code that is tested. */
function slowCrc32c(content: Buffer): string {
  let crc = 0xffffffff;
  for (const byte of content) crc = (crc >>> 8) ^ (slowTable[(crc ^ byte) & 0xff] ?? 0);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return bytes.toString("base64");
}
