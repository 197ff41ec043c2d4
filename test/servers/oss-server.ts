import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { newId, rangeOf, type StoredObject, StoredObjects } from "./stored-objects.ts";

/**
 * As much of Alibaba's OSS as clients use for objects. Every request must be signed, with version 1 or 4, which the
 * server computes by itself from what is on the wire. Path style for addresses, virtual hosts for names.
 */
export interface OssServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly keys: Map<string, { readonly secret: string; readonly token?: string }>;
  /** Versions of the signatures that came. */
  readonly signatures: Set<"V1" | "V4">;
  createBucket(name: string): void;
  objects(bucket: string): ReadonlyMap<string, StoredObject> | undefined;
  /** The rules of a bucket's lifecycle, as XML. */
  readonly lifecycles: Map<string, string>;
  readonly openUploads: number;
  /** How much the server's clock is ahead. */
  clockOffsetMs: number;
}

interface Call {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

interface Kept {
  readonly contentType: string;
  /** Headers that come back with the object. */
  readonly kept: Readonly<Record<string, string>>;
}

interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly kept: Kept;
  readonly parts: Map<number, Buffer>;
}

export async function startOssServer(): Promise<OssServer> {
  const store = new StoredObjects();
  const uploads = new Map<string, Upload>();
  const keys: OssServer["keys"] = new Map([["access", { secret: "secret" }]]);
  const signatures: OssServer["signatures"] = new Set();
  const lifecycles = new Map<string, string>();
  const state = { clockOffsetMs: 0 };

  const put = (
    call: Call,
    bucket: Map<string, StoredObject>,
    content: Buffer,
    { contentType, kept }: Kept,
  ) => {
    const etag = `"${createHash("md5").update(content).digest("hex").toUpperCase()}"`;
    const headers = { etag, "x-oss-hash-crc64ecma": slowCrc64(content), ...kept };
    store.put(bucket, call.key, { content, contentType, headers });
    return headers;
  };

  const onObject = (call: Call, bucket: Map<string, StoredObject>) => {
    const { message, response, key, query, body } = call;
    const own = Object.entries(message.headers).filter(
      ([name]) => name.startsWith("x-oss-meta-") || name === "cache-control",
    );
    const kept: Kept = {
      contentType: message.headers["content-type"] ?? "application/octet-stream",
      kept: Object.fromEntries(own.map(([name, value]) => [name, String(value)])),
    };
    const uploadId = query.get("uploadId");
    if (message.method === "POST" && query.has("uploads")) {
      const id = newId();
      uploads.set(id, { bucket: call.bucket, key, kept, parts: new Map() });
      return xml(
        response,
        200,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    if (uploadId !== null) return onUpload(call, bucket, uploadId);
    const copySource = message.headers["x-oss-copy-source"];
    if (message.method === "PUT" && typeof copySource === "string") {
      const [, from = "", ...rest] = copySource.split("/");
      const source = store.buckets.get(from)?.get(rest.map(decodeURIComponent).join("/"));
      if (source === undefined) throw new Refusal(404, "NoSuchKey");
      const match = message.headers["x-oss-copy-source-if-match"];
      if (match !== undefined && match !== source.headers.etag) throw new Refusal(412, "PreconditionFailed");
      const { content, contentType, headers } = source;
      store.put(bucket, key, { content, contentType, headers });
      return xml(response, 200, `<CopyObjectResult><ETag>${headers.etag}</ETag></CopyObjectResult>`);
    }
    if (message.method === "PUT") {
      response.writeHead(200, { ...put(call, bucket, body, kept), "content-length": "0" }).end();
      return;
    }
    const stored = bucket.get(key);
    if (message.method === "DELETE") {
      bucket.delete(key);
      response.writeHead(204).end();
      return;
    }
    if (stored === undefined) throw new Refusal(404, "NoSuchKey");
    const condition = message.headers["if-match"];
    if (condition !== undefined && condition !== stored.headers.etag)
      throw new Refusal(412, "PreconditionFailed");
    const range = rangeOf(message.headers.range, stored.content.length);
    const bytes = stored.content.subarray(range?.start ?? 0, range?.end ?? stored.content.length);
    response.writeHead(range ? 206 : 200, {
      ...stored.headers,
      "content-type": stored.contentType,
      "content-length": String(bytes.length),
      ...(range ? { "content-range": `bytes ${range.start}-${range.end - 1}/${stored.content.length}` } : {}),
    });
    response.end(message.method === "HEAD" ? undefined : bytes);
  };

  const onUpload = (call: Call, bucket: Map<string, StoredObject>, id: string) => {
    const { message, response, query, body } = call;
    const upload = uploads.get(id);
    if (upload === undefined) throw new Refusal(404, "NoSuchUpload");
    if (message.method === "PUT") {
      upload.parts.set(Number(query.get("partNumber")), body);
      const etag = `"${createHash("md5").update(body).digest("hex").toUpperCase()}"`;
      response.writeHead(200, { etag, "x-oss-hash-crc64ecma": slowCrc64(body), "content-length": "0" }).end();
      return;
    }
    uploads.delete(id);
    if (message.method === "DELETE") {
      response.writeHead(204).end();
      return;
    }
    const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map((match) =>
      Number(match[1]),
    );
    const parts = numbers.map((number) => upload.parts.get(number) ?? Buffer.alloc(0));
    const isOrdered = numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0));
    if (!isOrdered) throw new Refusal(400, "InvalidPartOrder");
    if (parts.slice(0, -1).some((part) => part.length < 100 * 1024)) throw new Refusal(400, "EntityTooSmall");
    const headers = put(call, bucket, Buffer.concat(parts), upload.kept);
    response.setHeader("x-oss-hash-crc64ecma", headers["x-oss-hash-crc64ecma"]);
    const key = keyText(query, upload.key);
    xml(
      response,
      200,
      `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>${headers.etag}</ETag></CompleteMultipartUploadResult>`,
    );
  };

  const onBucket = (call: Call, bucket: Map<string, StoredObject>) => {
    const { message, response, query, body } = call;
    if (query.has("bucketInfo")) return xml(response, 200, "<BucketInfo></BucketInfo>");
    if (query.has("lifecycle")) {
      if (message.method === "PUT") {
        lifecycles.set(call.bucket, body.toString());
        response.writeHead(200, { "content-length": "0" }).end();
        return;
      }
      const rules = lifecycles.get(call.bucket);
      if (rules === undefined) throw new Refusal(404, "NoSuchLifecycle");
      return xml(response, 200, rules);
    }
    if (message.method === "POST" && query.has("delete")) {
      if (message.headers["content-md5"] !== createHash("md5").update(body).digest("base64")) {
        throw new Refusal(400, "InvalidDigest");
      }
      const names = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) =>
        decodeXml(match[1] ?? ""),
      );
      for (const name of names) bucket.delete(name);
      const items = names.map((name) => `<Deleted><Key>${keyText(query, name)}</Key></Deleted>`).join("");
      return xml(response, 200, `<DeleteResult>${items}</DeleteResult>`);
    }
    const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
    const all = store
      .list(bucket, query.get("prefix") ?? "")
      .filter(([key]) => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
    const page = all.slice(0, Number(query.get("max-keys") ?? 100));
    const items = page.map(
      ([key, { content, headers, modifiedMs }]) =>
        `<Contents><Key>${keyText(query, key)}</Key><LastModified>${new Date(modifiedMs).toISOString()}</LastModified><Size>${content.length}</Size><ETag>${headers.etag}</ETag></Contents>`,
    );
    const isTruncated = page.length < all.length;
    const token = isTruncated
      ? `<NextContinuationToken>${encodeXml(page.at(-1)?.[0] ?? "")}</NextContinuationToken>`
      : "";
    xml(
      response,
      200,
      `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${token}${items.join("")}</ListBucketResult>`,
    );
  };

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader("date", new Date(Date.now() + state.clockOffsetMs).toUTCString());
    response.setHeader("server", "AliyunOSS");
    const body = Buffer.concat(await message.toArray());
    const url = new URL(message.url ?? "", "http://x");
    const host = String(message.headers.host ?? "").replace(/:\d+$/, "");
    const isAddress = /^[\d.]+$/.test(host);
    const path = isAddress ? url.pathname : `/${host.split(".", 1)[0]}${url.pathname}`;
    const [, rawBucket = "", ...rest] = path.split("/");
    const key = rest.map(decodeURIComponent).join("/");
    const call = { message, response, bucket: rawBucket, key, query: url.searchParams, body };
    verify(call, rest.join("/"), { keys, signatures, clockOffsetMs: state.clockOffsetMs });
    const md5 = message.headers["content-md5"];
    if (md5 !== undefined && md5 !== createHash("md5").update(body).digest("base64"))
      throw new Refusal(400, "InvalidDigest");
    const bucket = store.buckets.get(rawBucket);
    if (bucket === undefined) {
      if (message.method !== "PUT" || key !== "") throw new Refusal(404, "NoSuchBucket");
      store.buckets.set(rawBucket, new Map());
      response.writeHead(200, { "content-length": "0" }).end();
      return;
    }
    if (key === "") return onBucket(call, bucket);
    onObject(call, bucket);
  };

  const server = createServer((message, response) => {
    serve(message, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy();
      const { status, code } = error instanceof Refusal ? error : new Refusal(500, "InternalError");
      const document = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} it is</Message></Error>`;
      if (message.method === "HEAD")
        response.setHeader("x-oss-err", Buffer.from(document).toString("base64"));
      xml(response, status, document);
    });
  });
  server.keepAliveTimeout = 30_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys,
    signatures,
    lifecycles,
    createBucket: (name) => void store.buckets.set(name, store.buckets.get(name) ?? new Map()),
    objects: (name) => store.buckets.get(name),
    get openUploads() {
      return uploads.size;
    },
    get clockOffsetMs() {
      return state.clockOffsetMs;
    },
    set clockOffsetMs(ms) {
      state.clockOffsetMs = ms;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

class Refusal {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    this.status = status;
    this.code = code;
  }
}

interface Gate {
  readonly keys: OssServer["keys"];
  readonly signatures: OssServer["signatures"];
  readonly clockOffsetMs: number;
}

const subresources =
  "acl,append,bucketInfo,continuation-token,delete,lifecycle,partNumber,uploadId,uploads".split(",");

function verify(
  { message, bucket, key, query }: Call,
  rawKey: string,
  { keys, signatures, clockOffsetMs }: Gate,
): void {
  const { headers, method = "" } = message;
  const authorization = headers.authorization ?? "";
  const signed = new Date(
    String(headers["x-oss-date"] ?? headers.date ?? "").replace(
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
      "$1-$2-$3T$4:$5:$6Z",
    ),
  );
  if (Math.abs(signed.getTime() - Date.now() - clockOffsetMs) > 15 * 60_000)
    throw new Refusal(403, "RequestTimeTooSkewed");
  const ossHeaders = Object.keys(headers)
    .filter((name) => name.startsWith("x-oss-"))
    .sort();
  const v1 = /^OSS ([^:]+):(\S+)$/.exec(authorization);
  const v4 =
    /^OSS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/oss\/aliyun_v4_request,Signature=(\w+)$/.exec(
      authorization,
    );
  const known = keys.get(v1?.[1] ?? v4?.[1] ?? "");
  if (known === undefined) throw new Refusal(403, "InvalidAccessKeyId");
  if (known.token !== undefined && headers["x-oss-security-token"] !== known.token) {
    throw new Refusal(403, "InvalidSecurityToken");
  }
  let expected: string;
  if (v1) {
    signatures.add("V1");
    const part = [...query.keys()].filter((name) => subresources.includes(name)).sort();
    const search = part
      .map((name) => (query.get(name) === "" ? name : `${name}=${query.get(name)}`))
      .join("&");
    const text =
      `${method}\n${headers["content-md5"] ?? ""}\n${headers["content-type"] ?? ""}\n${headers["x-oss-date"] ?? headers.date ?? ""}\n` +
      `${ossHeaders.map((name) => `${name}:${String(headers[name])}\n`).join("")}/${bucket}/${key}${search ? `?${search}` : ""}`;
    expected = createHmac("sha1", known.secret).update(text).digest("base64");
  } else {
    signatures.add("V4");
    const [, , day = "", region = ""] = v4 ?? [];
    const names = [
      ...ossHeaders,
      ...["content-md5", "content-type"].filter((name) => headers[name] !== undefined),
    ].sort();
    const pairs = (message.url?.split("?")[1] ?? "")
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => pair.replace(/=$/, ""))
      .sort();
    const canonical =
      `${method}\n/${bucket}/${rawKey}\n${pairs.join("&")}\n${names.map((name) => `${name}:${String(headers[name])}\n`).join("")}\n\n` +
      "UNSIGNED-PAYLOAD";
    const scope = `${day}/${region}/oss/aliyun_v4_request`;
    const text = `OSS4-HMAC-SHA256\n${String(headers["x-oss-date"])}\n${scope}\n${createHash("sha256").update(canonical).digest("hex")}`;
    let key4: Buffer | string = `aliyun_v4${known.secret}`;
    for (const word of scope.split("/")) key4 = createHmac("sha256", key4).update(word).digest();
    expected = createHmac("sha256", key4).update(text).digest("hex");
  }
  if (expected !== (v1?.[2] ?? v4?.[4])) throw new Refusal(403, "SignatureDoesNotMatch");
}

function xml(response: ServerResponse, status: number, document: string): void {
  const headers = { "content-type": "application/xml", "content-length": Buffer.byteLength(document) };
  response.writeHead(status, headers).end(document);
}

/** A key as the answer has it: percent-encoded only for those who ask for it. */
function keyText(query: URLSearchParams, key: string): string {
  return query.get("encoding-type") === "url" ? encodeURIComponent(key) : encodeXml(key);
}

function encodeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function decodeXml(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
}

/** Two halves of 32 bits, byte by byte: not the code that is tested. */
const [highs, lows] = [new Int32Array(256), new Int32Array(256)];
for (let byte = 0; byte < 256; byte += 1) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry) {
      low ^= 0xd7870f42;
      high ^= 0xc96c5795;
    }
  }
  [highs[byte], lows[byte]] = [high, low];
}

/** Byte by byte: another way than the driver's. */
function slowCrc64(content: Buffer): string {
  let low = -1;
  let high = -1;
  for (let at = 0; at < content.byteLength; at += 1) {
    const index = (low ^ (content[at] as number)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (lows[index] as number);
    high = (high >>> 8) ^ (highs[index] as number);
  }
  return String(((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)) ^ 0xffffffffffffffffn);
}
