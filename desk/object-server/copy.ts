import { createReadStream } from "node:fs";
import { BodyDigest } from "./checksums.ts";
import { fromKeyBytes, type KeyBytes, percentDecode } from "./key-bytes.ts";
import type { Blob, ObjectStore, StoredObject } from "./object-store.ts";
import { defaultEncryption, namesEtag, preconditionFailed } from "./objects.ts";
import { noSuchBucket, noSuchKey, notImplemented, Refusal } from "./refusal.ts";
import { headerText, type Operation, type Reply, requireBucket, requireKey } from "./request.ts";
import { keptHeaders } from "./upload-body.ts";
import { element, xmlDocument } from "./xml.ts";

const copyBytesMax = 5 * 1024 ** 3;

/**
 * CopyObject: the content and, with it, the metadata of another object of this server (`x-amz-metadata-directive:
 * COPY`). Versions and customers' keys are NotImplemented.
 */
export async function copyObject(operation: Operation): Promise<Reply> {
  const { headers, store, nowMs } = operation;
  const bucket = requireBucket(operation);
  const key = requireKey(operation);
  const directive = headerText(headers, "x-amz-metadata-directive") ?? "COPY";
  if (directive.toUpperCase() !== "COPY") throw notImplemented(`x-amz-metadata-directive: ${directive}`);
  const source = findSource(operation);
  if (source.sizeBytes > copyBytesMax) {
    throw new Refusal(400, "InvalidRequest", "The specified copy source is larger than 5368709120 bytes");
  }
  const { blob, md5 } = await copied(store, source, undefined);
  const object: StoredObject = {
    key,
    blobs: [blob],
    sizeBytes: blob.sizeBytes,
    etag: md5.toString("hex"),
    modifiedMs: nowMs,
    headers: { ...source.headers, ...defaultEncryption(bucket), ...encryptionOf(keptHeaders(headers)) },
    checksums: {},
    checksumType: "FULL_OBJECT",
  };
  store.publish(bucket, object);
  const modified = element("LastModified", new Date(nowMs).toISOString());
  return {
    status: 200,
    body: xmlDocument("CopyObjectResult", modified + element("ETag", `"${object.etag}"`)),
  };
}

/** The bytes that UploadPartCopy takes: of all of the source, or of `x-amz-copy-source-range`. */
export async function readCopySource(operation: Operation): Promise<CopiedBytes> {
  const source = findSource(operation);
  const text = headerText(operation.headers, "x-amz-copy-source-range");
  const match = /^bytes=(\d+)-(\d+)$/.exec(text ?? "");
  const range = match === null ? undefined : { start: Number(match[1]), end: Number(match[2]) + 1 };
  if (
    text !== undefined &&
    (range === undefined || range.end > source.sizeBytes || range.start >= range.end)
  ) {
    const message =
      "The x-amz-copy-source-range value must be of the form bytes=first-last within the source";
    throw new Refusal(400, "InvalidArgument", message);
  }
  return await copied(operation.store, source, range);
}

interface CopiedBytes {
  readonly blob: Blob;
  readonly md5: Buffer;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

async function copied(
  store: ObjectStore,
  source: StoredObject,
  range: Range | undefined,
): Promise<CopiedBytes> {
  using _lease = store.lease(source);
  const digest = new BodyDigest([]);
  const blob = await store.receive(read(store, source, digest, range ?? { start: 0, end: source.sizeBytes }));
  return { blob, md5: digest.finish().md5 };
}

/** `BUCKET/KEY`, percent-encoded, with or without a slash in front. */
function findSource({ headers, store }: Operation): StoredObject {
  const text = headerText(headers, "x-amz-copy-source") ?? "";
  const [, name = "", encoded = ""] = /^\/?([^/?]+)\/([^?]+)$/.exec(text) ?? [];
  const key: KeyBytes | undefined = percentDecode(encoded);
  if (name === "" || key === undefined || key === "") {
    throw new Refusal(
      400,
      "InvalidArgument",
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
    );
  }
  const bucket = store.buckets.get(name);
  if (bucket === undefined) throw noSuchBucket(name);
  const source = bucket.objects.get(key);
  if (source === undefined) throw noSuchKey(fromKeyBytes(key));
  if (source.customerKeyMd5 !== undefined) throw notImplemented("copying an object with a customer's key");
  const match = headerText(headers, "x-amz-copy-source-if-match");
  if (match !== undefined && !namesEtag(match, source.etag))
    throw preconditionFailed("x-amz-copy-source-if-match");
  return source;
}

async function* read(
  store: ObjectStore,
  source: StoredObject,
  digest: BodyDigest,
  { start, end }: Range,
): AsyncGenerator<Buffer> {
  let offset = 0;
  for (const blob of source.blobs) {
    const [from, to] = [Math.max(start - offset, 0), Math.min(end - offset, blob.sizeBytes)];
    offset += blob.sizeBytes;
    if (from >= to) continue;
    const stream = createReadStream(store.path(blob), { start: from, end: to - 1 });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      digest.update(chunk);
      yield chunk;
    }
  }
}

/** Of the request, only what it asks of encryption is the copy's own. */
function encryptionOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith("x-amz-server-side-encryption")),
  );
}
