import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { BodyDigest, type ChecksumName, checksumHeader, checksumNames } from "./checksums.ts";
import { fromKeyBytes, toKeyBytes } from "./key-bytes.ts";
import type { Bucket, StoredObject } from "./object-store.ts";
import { malformedXml, noSuchKey, Refusal } from "./refusal.ts";
import { headerText, type Operation, type Reply, readText, requireBucket, requireKey } from "./request.ts";
import {
  checkChecksums,
  checkCustomerKey,
  checkMd5,
  customerKey,
  encryptionHeaders,
  keptHeaders,
  receiveBody,
} from "./upload-body.ts";
import { childText, element, parseXml, xmlDocument } from "./xml.ts";

export async function putObject(operation: Operation): Promise<Reply> {
  const { headers, store, nowMs } = operation;
  const bucket = requireBucket(operation);
  const key = requireKey(operation);
  const customerKeyMd5 = customerKey(headers);
  const received = await receiveBody(operation);
  const kept = { ...defaultEncryption(bucket), ...keptHeaders(headers) };
  // Of an object that a key of its own encrypts, the tag is no digest of the content.
  const isOpaque =
    customerKeyMd5 !== undefined || kept["x-amz-server-side-encryption"]?.startsWith("aws:kms") === true;
  const object: StoredObject = {
    key,
    blobs: [received.blob],
    sizeBytes: received.blob.sizeBytes,
    etag: isOpaque ? randomBytes(16).toString("hex") : received.md5.toString("hex"),
    modifiedMs: nowMs,
    headers: kept,
    checksums: received.checksums,
    checksumType: "FULL_OBJECT",
    customerKeyMd5,
  };
  try {
    // After the body, since it is now that the object becomes visible.
    checkWriteConditions(headers, bucket.objects.get(key));
  } catch (error) {
    store.discard(object.blobs);
    throw error;
  }
  store.publish(bucket, object);
  return { status: 200, headers: writtenHeaders(object) };
}

/** The bucket's own encryption, for objects that ask for none. */
export function defaultEncryption({ encryption }: Bucket): Record<string, string> {
  const algorithm = /<SSEAlgorithm>([^<]*)</.exec(encryption ?? "")?.[1];
  return algorithm === undefined ? {} : { "x-amz-server-side-encryption": algorithm };
}

/** `If-Match` and `If-None-Match` of a write. */
export function checkWriteConditions(headers: IncomingHttpHeaders, current: StoredObject | undefined): void {
  const match = headers["if-match"];
  const noneMatch = headers["if-none-match"];
  if (match !== undefined && !current) throw noSuchKey("");
  if ((noneMatch === "*" && current) || (match !== undefined && current && !namesEtag(match, current.etag))) {
    throw preconditionFailed(match === undefined ? "If-None-Match" : "If-Match");
  }
}

export function writtenHeaders(object: StoredObject): Record<string, string> {
  return {
    etag: `"${object.etag}"`,
    ...checksumHeaders(object),
    ...encryptionHeaders(object.headers, object.customerKeyMd5),
  };
}

function checksumHeaders(object: StoredObject): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(object.checksums)) {
    headers[checksumHeader(name as ChecksumName)] = value;
    headers["x-amz-checksum-type"] = object.checksumType;
  }
  return headers;
}

/** GET and HEAD differ only in that the server sends no body for HEAD. */
export function readObject(operation: Operation): Reply {
  const { headers, query } = operation;
  const key = requireKey(operation);
  const object = requireBucket(operation).objects.get(key);
  if (!object) throw noSuchKey(fromKeyBytes(key));
  checkCustomerKey(headers, object.customerKeyMd5);
  const answer: Record<string, string> = {
    ...object.headers,
    ...encryptionHeaders({}, object.customerKeyMd5),
    etag: `"${object.etag}"`,
    "last-modified": new Date(object.modifiedMs).toUTCString(),
    "accept-ranges": "bytes",
  };
  for (const [name, value] of query) {
    if (name.startsWith("response-")) answer[name.slice("response-".length)] = value;
  }
  if (headers["if-match"] !== undefined && !namesEtag(headers["if-match"], object.etag)) {
    throw preconditionFailed("If-Match");
  }
  if (headers["if-none-match"] !== undefined && namesEtag(headers["if-none-match"], object.etag)) {
    return { status: 304, headers: answer };
  }

  const range = readRange(headers.range, object.sizeBytes);
  const { start, end } = range ?? { start: 0, end: object.sizeBytes };
  answer["content-length"] = String(end - start);
  if (range) answer["content-range"] = `bytes ${start}-${end - 1}/${object.sizeBytes}`;
  // S3 sends checksums with the whole object only; a part of it could not be verified.
  else if (headerText(headers, "x-amz-checksum-mode")?.toUpperCase() === "ENABLED") {
    Object.assign(answer, checksumHeaders(object));
  }
  return { status: range ? 206 : 200, headers: answer, body: { object, start, end } };
}

export function namesEtag(list: string, etag: string): boolean {
  return list
    .split(",")
    .some((item) => [etag, "*"].includes(item.trim().replace(/^W\//, "").replaceAll('"', "")));
}

export function preconditionFailed(condition: string): Refusal {
  const message = "At least one of the pre-conditions you specified did not hold";
  return new Refusal(412, "PreconditionFailed", message, { Condition: condition });
}

/** One range of RFC 9110 14.1.2; several ranges, or anything malformed, count as no range, as in S3. */
function readRange(text: string | undefined, sizeBytes: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const start = match[1] === "" ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? sizeBytes : Math.min(sizeBytes, Number(match[2]) + 1);
  if (match[1] !== "" && match[2] !== "" && Number(match[2]) < start) return undefined;
  if (start >= sizeBytes) {
    throw new Refusal(416, "InvalidRange", "The requested range is not satisfiable", {
      RangeRequested: text ?? "",
      ActualObjectSize: String(sizeBytes),
    });
  }
  return { start, end };
}

export function deleteObject(operation: Operation): Reply {
  operation.store.remove(requireBucket(operation), requireKey(operation));
  return { status: 204 };
}

/** DeleteObjects: 1,000 keys at most, and a digest of the document is mandatory. */
export async function deleteObjects(operation: Operation): Promise<Reply> {
  const { headers, body, store } = operation;
  const bucket = requireBucket(operation);
  const text = await readText(operation);
  const announced = checksumNames.filter(
    (name) => headers[checksumHeader(name)] !== undefined || body.trailers.has(checksumHeader(name)),
  );
  if (headers["content-md5"] === undefined && announced.length === 0) {
    throw new Refusal(
      400,
      "InvalidRequest",
      "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    );
  }
  const digest = new BodyDigest(announced);
  digest.update(text);
  const { md5, checksums } = digest.finish();
  checkMd5(headers, md5);
  checkChecksums(headers, body.trailers, checksums);

  const document = parseXml(text.toString("utf8"));
  const items = document?.children.filter((child) => child.name === "Object") ?? [];
  if (document?.name !== "Delete" || items.length === 0 || items.length > 1000) throw malformedXml();
  const keys = items.map((item) => childText(item, "Key"));
  const isQuiet = childText(document, "Quiet") === "true";
  let deleted = "";
  for (const key of keys) {
    if (key === undefined) throw malformedXml();
    store.remove(bucket, toKeyBytes(key));
    if (!isQuiet) deleted += `<Deleted>${element("Key", key)}</Deleted>`;
  }
  return { status: 200, body: xmlDocument("DeleteResult", deleted) };
}
