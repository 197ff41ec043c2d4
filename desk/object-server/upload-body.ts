import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import {
  BodyDigest,
  type ChecksumName,
  type Checksums,
  checksumHeader,
  checksumName,
  checksumNames,
} from "./checksums.ts";
import type { Blob } from "./object-store.ts";
import { Refusal } from "./refusal.ts";
import { headerText, type Operation } from "./request.ts";

export interface ReceivedBody {
  readonly blob: Blob;
  readonly md5: Buffer;
  readonly checksums: Checksums;
}

/**
 * Stores a request's body as a blob and holds it against every checksum that the request names: Content-MD5,
 * `x-amz-checksum-*` in a header or a trailer. `extra` is computed and kept without being compared.
 */
export async function receiveBody(operation: Operation, extra?: ChecksumName): Promise<ReceivedBody> {
  const { headers, body, store } = operation;
  const names = new Set(announcedChecksums(headers));
  if (extra !== undefined) names.add(extra);
  const digest = new BodyDigest(names);
  const blob = await store.receive(digested(body.content, digest));
  const result = digest.finish();
  try {
    checkMd5(headers, result.md5);
    checkChecksums(headers, body.trailers, result.checksums);
  } catch (error) {
    store.discard([blob]);
    throw error;
  }
  return { blob, md5: result.md5, checksums: result.checksums };
}

async function* digested(content: AsyncIterable<Buffer>, digest: BodyDigest): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    digest.update(chunk);
    yield chunk;
  }
}

function announcedChecksums(headers: IncomingHttpHeaders): ChecksumName[] {
  const prefix = "x-amz-checksum-";
  const trailers = (headerText(headers, "x-amz-trailer") ?? "").toLowerCase().split(/ *, */);
  return [...Object.keys(headers), ...trailers]
    .filter((name) => name.startsWith(prefix) && name !== `${prefix}mode` && name !== `${prefix}type`)
    .filter((name) => name !== `${prefix}algorithm`)
    .map((name) => checksumName(name.slice(prefix.length)));
}

export function checkMd5(headers: IncomingHttpHeaders, actual: Buffer): void {
  const expected = headerText(headers, "content-md5");
  if (expected === undefined) return;
  if (Buffer.from(expected, "base64").length !== 16) {
    throw new Refusal(400, "InvalidDigest", "The Content-MD5 you specified was invalid.");
  }
  if (expected !== actual.toString("base64")) {
    throw new Refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.", {
      ExpectedDigest: expected,
      CalculatedDigest: actual.toString("base64"),
    });
  }
}

export function checkChecksums(
  headers: IncomingHttpHeaders,
  trailers: ReadonlyMap<string, string>,
  actual: Checksums,
): void {
  for (const name of checksumNames) {
    const expected = headerText(headers, checksumHeader(name)) ?? trailers.get(checksumHeader(name));
    if (expected !== undefined && expected !== actual[name]) {
      const label = name.toUpperCase();
      throw new Refusal(
        400,
        "BadDigest",
        `The ${label} you specified did not match the calculated checksum.`,
      );
    }
  }
}

/** The headers of an upload that come back with the object. */
export function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = { "content-type": headers["content-type"] ?? "binary/octet-stream" };
  const names = [
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-storage-class",
  ];
  for (const name of Object.keys(headers)) {
    const isWanted =
      names.includes(name) ||
      name.startsWith("x-amz-meta-") ||
      (name.startsWith("x-amz-server-side-encryption") && !name.startsWith(customerKeyHeader));
    const value = headerText(headers, name);
    if (isWanted && value !== undefined) kept[name] = value;
  }
  const encoding = (headers["content-encoding"] ?? "")
    .split(/ *, */)
    .filter((part) => part !== "aws-chunked");
  if (encoding.join("") !== "") kept["content-encoding"] = encoding.join(",");
  const algorithm = headerText(headers, "x-amz-server-side-encryption-customer-algorithm");
  if (algorithm !== undefined) kept["x-amz-server-side-encryption-customer-algorithm"] = algorithm;
  return kept;
}

const customerKeyHeader = "x-amz-server-side-encryption-customer-key";

/** The MD5 of the key that the customer sent (SSE-C), verified against the key; undefined without one. */
export function customerKey(headers: IncomingHttpHeaders): string | undefined {
  const key = headerText(headers, customerKeyHeader);
  const md5 = headerText(headers, `${customerKeyHeader}-md5`);
  if (key === undefined && md5 === undefined) return undefined;
  const bytes = Buffer.from(key ?? "", "base64");
  if (bytes.length !== 32) {
    throw new Refusal(400, "InvalidArgument", "The secret key was invalid for the specified algorithm.");
  }
  if (createHash("md5").update(bytes).digest("base64") !== md5) {
    throw new Refusal(
      400,
      "InvalidArgument",
      "The calculated MD5 hash of the key did not match the hash that was provided.",
    );
  }
  return md5;
}

/** Refuses a request whose customer key is not the one that the object, or upload, was begun with. */
export function checkCustomerKey(headers: IncomingHttpHeaders, stored: string | undefined): void {
  const sent = customerKey(headers);
  if (sent === stored) return;
  if (stored === undefined) {
    throw new Refusal(400, "InvalidRequest", "The encryption parameters are not applicable to this object.");
  }
  if (sent === undefined) {
    throw new Refusal(
      400,
      "InvalidRequest",
      "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.",
    );
  }
  throw new Refusal(403, "AccessDenied", "Access Denied");
}

/** What the answer to an upload, GET or HEAD says about encryption. */
export function encryptionHeaders(
  kept: Readonly<Record<string, string>>,
  customerKeyMd5: string | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(kept)) {
    if (name.startsWith("x-amz-server-side-encryption")) headers[name] = value;
  }
  if (customerKeyMd5 !== undefined) headers[`${customerKeyHeader}-md5`] = customerKeyMd5;
  return headers;
}
