import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { RequestBody } from "./body.ts";
import { type KeyBytes, percentDecode } from "./key-bytes.ts";
import type { Bucket, ObjectStore, StoredObject } from "./object-store.ts";
import { noSuchBucket, Refusal } from "./refusal.ts";

/** What a request is about, read from its line and its Host header. Texts are byte strings (see `KeyBytes`). */
export interface Target {
  readonly rawPath: string;
  readonly bucket: string | undefined;
  readonly key: KeyBytes | undefined;
  readonly query: ReadonlyMap<string, string>;
}

/** A verified request as the operations see it. */
export interface Operation extends Target {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: RequestBody;
  readonly store: ObjectStore;
  readonly nowMs: number;
  readonly region: string;
  readonly partBytesMin: number;
}

/** What is sent back: a document, or bytes of an object from `start` up to, and not including, `end`. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | { readonly object: StoredObject; readonly start: number; readonly end: number };
}

/**
 * Tells bucket and key. `Host: BUCKET.DOMAIN` with one of the given domains is virtual-hosted style; otherwise the first
 * element of the path is the bucket.
 */
export function readTarget(message: IncomingMessage, domains: readonly string[]): Target {
  const url = message.url ?? "/";
  const mark = url.indexOf("?");
  // An absolute URL (RFC 9112 3.2.2) loses its origin.
  const rawPath = (mark < 0 ? url : url.slice(0, mark)).replace(/^https?:\/\/[^/]*/i, "") || "/";
  const query = readQuery(mark < 0 ? "" : url.slice(mark + 1));
  const path = percentDecode(rawPath);
  if (path === undefined) throw new Refusal(400, "InvalidURI", "Couldn't parse the specified URI.");

  const virtual = virtualBucket(message.headers.host ?? "", domains);
  if (virtual !== undefined) return { rawPath, query, bucket: virtual, key: path.slice(1) || undefined };
  const [, bucket, key] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  return { rawPath, query, bucket: bucket || undefined, key: key || undefined };
}

function virtualBucket(host: string, domains: readonly string[]): string | undefined {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const domain = domains.find((candidate) => name.endsWith(`.${candidate}`));
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1);
}

function readQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? "" : pair.slice(equals + 1);
    query.set(percentDecode(name) ?? name, percentDecode(value) ?? value);
  }
  return query;
}

/** The bucket that a request names; throws NoSuchBucket. */
export function requireBucket({ bucket, store }: Operation): Bucket {
  const found = bucket === undefined ? undefined : store.buckets.get(bucket);
  if (!found) throw noSuchBucket(bucket ?? "");
  return found;
}

/** The key that a request names; longer ones than 1,024 bytes are refused as S3 does. */
export function requireKey({ key = "" }: Operation): KeyBytes {
  if (key.length > 1024) {
    throw new Refusal(400, "KeyTooLongError", "Your key is too long", {
      Size: String(key.length),
      MaxSizeAllowed: "1024",
    });
  }
  return key;
}

export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}

/** Reads a whole document; more than `bytesMax` is refused. */
export async function readText({ body }: Operation, bytesMax = 4 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body.content) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Refusal(400, "MaxMessageLengthExceeded", "Your request was too big");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
