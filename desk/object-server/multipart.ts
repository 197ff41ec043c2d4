import { createHash, randomUUID } from "node:crypto";
import {
  type ChecksumName,
  type Checksums,
  checksumHeader,
  checksumName,
  compositeChecksum,
  fullObjectChecksum,
} from "./checksums.ts";
import { readCopySource } from "./copy.ts";
import type { CrcName } from "./crc.ts";
import { fromKeyBytes } from "./key-bytes.ts";
import type { Part, StoredObject, Upload } from "./object-store.ts";
import { checkWriteConditions, defaultEncryption, writtenHeaders } from "./objects.ts";
import { malformedXml, noSuchUpload, Refusal } from "./refusal.ts";
import { headerText, type Operation, type Reply, readText, requireBucket, requireKey } from "./request.ts";
import {
  checkCustomerKey,
  customerKey,
  encryptionHeaders,
  keptHeaders,
  type ReceivedBody,
  receiveBody,
} from "./upload-body.ts";
import { childText, element, parseXml, type XmlElement, xmlDocument } from "./xml.ts";

const partNumberMax = 10_000;

export function createUpload(operation: Operation): Reply {
  const { headers, nowMs } = operation;
  const bucket = requireBucket(operation);
  const checksum = readChecksumChoice(operation);
  const upload: Upload = {
    id: randomUUID(),
    key: requireKey(operation),
    startedMs: nowMs,
    headers: { ...defaultEncryption(bucket), ...keptHeaders(headers) },
    checksum,
    customerKeyMd5: customerKey(headers),
    parts: new Map(),
  };
  bucket.uploads.set(upload.id, upload);
  const chosen = checksum && {
    "x-amz-checksum-algorithm": checksum.name.toUpperCase(),
    "x-amz-checksum-type": checksum.type,
  };
  return {
    status: 200,
    headers: { ...encryptionHeaders(upload.headers, upload.customerKeyMd5), ...chosen },
    body: xmlDocument("InitiateMultipartUploadResult", uploadElements(bucket.name, upload)),
  };
}

/** The algorithm of the upload and what its result covers; the defaults are those of S3 ("Checking object integrity"). */
function readChecksumChoice({ headers }: Operation): Upload["checksum"] {
  const algorithm = headerText(headers, "x-amz-checksum-algorithm");
  if (algorithm === undefined) return undefined;
  const name = checksumName(algorithm);
  const preset = name === "crc64nvme" ? "FULL_OBJECT" : "COMPOSITE";
  const type = headerText(headers, "x-amz-checksum-type") ?? preset;
  const isPossible = type === "FULL_OBJECT" ? name.startsWith("crc") : name !== "crc64nvme";
  if ((type !== "FULL_OBJECT" && type !== "COMPOSITE") || !isPossible) {
    const message = `The ${type} checksum type cannot be used with the ${name} checksum algorithm.`;
    throw new Refusal(400, "InvalidRequest", message);
  }
  return { name, type };
}

function uploadElements(bucket: string, { key, id }: Upload): string {
  return element("Bucket", bucket) + element("Key", fromKeyBytes(key)) + element("UploadId", id);
}

function requireUpload(operation: Operation): Upload {
  const upload = requireBucket(operation).uploads.get(operation.query.get("uploadId") ?? "");
  if (!upload || upload.key !== requireKey(operation)) throw noSuchUpload();
  return upload;
}

export async function uploadPart(operation: Operation): Promise<Reply> {
  const upload = requirePart(operation);
  checkCustomerKey(operation.headers, upload.customerKeyMd5);
  const received = await receiveBody(operation, upload.checksum?.name);
  const etag = storePart(operation, upload, received);
  const answer: Record<string, string> = {
    etag,
    ...encryptionHeaders(upload.headers, upload.customerKeyMd5),
  };
  for (const [name, value] of Object.entries(received.checksums))
    answer[checksumHeader(name as ChecksumName)] = value;
  return { status: 200, headers: answer };
}

/** UploadPartCopy: a part from another object of this server, or from a range of it. */
export async function copyUploadPart(operation: Operation): Promise<Reply> {
  const upload = requirePart(operation);
  const copied = await readCopySource(operation);
  const etag = storePart(operation, upload, { ...copied, checksums: {} });
  const modified = element("LastModified", new Date(operation.nowMs).toISOString());
  return { status: 200, body: xmlDocument("CopyPartResult", modified + element("ETag", etag)) };
}

function requirePart(operation: Operation): Upload {
  const number = Number(operation.query.get("partNumber"));
  if (Number.isInteger(number) && number >= 1 && number <= partNumberMax) return requireUpload(operation);
  throw new Refusal(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
}

/** The part's tag. */
function storePart(
  operation: Operation,
  upload: Upload,
  { blob, md5, checksums }: Pick<ReceivedBody, "blob" | "md5" | "checksums">,
): string {
  const { query, store, nowMs } = operation;
  const number = Number(query.get("partNumber"));
  if (!requireBucket(operation).uploads.has(upload.id)) {
    store.discard([blob]);
    throw noSuchUpload();
  }
  const previous = upload.parts.get(number);
  const etag = md5.toString("hex");
  upload.parts.set(number, { blob, etag, modifiedMs: nowMs, checksums });
  if (previous) store.discard([previous.blob]);
  return `"${etag}"`;
}

export async function completeUpload(operation: Operation): Promise<Reply> {
  const { headers, store, nowMs } = operation;
  const bucket = requireBucket(operation);
  const upload = requireUpload(operation);
  const document = parseXml((await readText(operation)).toString("utf8"));
  const listed = document?.children.filter((child) => child.name === "Part") ?? [];
  if (document?.name !== "CompleteMultipartUpload" || listed.length === 0) throw malformedXml();
  const parts = choosePart(upload, listed);
  checkSizes(operation, parts);

  const etags = createHash("md5");
  for (const part of parts) etags.update(part.etag, "hex");
  const sizeBytes = parts.reduce((sum, part) => sum + part.blob.sizeBytes, 0);
  const object: StoredObject = {
    key: upload.key,
    blobs: parts.map((part) => part.blob),
    sizeBytes,
    etag: `${etags.digest("hex")}-${parts.length}`,
    modifiedMs: nowMs,
    headers: upload.headers,
    checksums: objectChecksums(upload, parts),
    checksumType: upload.checksum?.type ?? "FULL_OBJECT",
    customerKeyMd5: upload.customerKeyMd5,
  };
  checkObject(operation, object);
  checkWriteConditions(headers, bucket.objects.get(object.key));
  // Another request may have completed or aborted the upload while the document was read.
  if (!bucket.uploads.delete(upload.id)) throw noSuchUpload();
  store.publish(bucket, object);
  const kept = new Set(object.blobs);
  store.discard([...upload.parts.values()].map((part) => part.blob).filter((blob) => !kept.has(blob)));
  return { status: 200, headers: writtenHeaders(object), body: completedDocument(bucket.name, object) };
}

function completedDocument(bucket: string, object: StoredObject): string {
  const checksums = Object.entries(object.checksums).map(([name, value]) =>
    element(checksumElement(name), value),
  );
  const key = fromKeyBytes(object.key);
  return xmlDocument(
    "CompleteMultipartUploadResult",
    [
      element("Location", `/${bucket}/${key}`),
      element("Bucket", bucket),
      element("Key", key),
      element("ETag", `"${object.etag}"`),
      ...checksums,
      checksums.length > 0 ? element("ChecksumType", object.checksumType) : "",
    ].join(""),
  );
}

/** `crc64nvme` is written `ChecksumCRC64NVME`. */
function checksumElement(name: string): string {
  return `Checksum${name.toUpperCase()}`;
}

function choosePart(upload: Upload, listed: readonly XmlElement[]): Part[] {
  let previous = 0;
  return listed.map((item) => {
    const number = Number(childText(item, "PartNumber"));
    const etag = childText(item, "ETag")?.replaceAll('"', "");
    if (!(number > previous)) {
      const message =
        "The list of parts was not in ascending order. The parts list must be specified in order by part number.";
      throw new Refusal(400, "InvalidPartOrder", message, { UploadId: upload.id });
    }
    previous = number;
    const part = upload.parts.get(number);
    const name = upload.checksum?.name;
    const checksum = name && childText(item, checksumElement(name));
    if (
      !part ||
      part.etag !== etag ||
      (name && checksum !== undefined && checksum !== part.checksums[name])
    ) {
      throw new Refusal(
        400,
        "InvalidPart",
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { UploadId: upload.id, PartNumber: String(number), ETag: etag ?? "" },
      );
    }
    return part;
  });
}

function checkSizes({ partBytesMin }: Operation, parts: readonly Part[]): void {
  const at = parts.slice(0, -1).findIndex((part) => part.blob.sizeBytes < partBytesMin);
  const part = parts[at];
  if (!part) return;
  throw new Refusal(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
    ETag: part.etag,
    MinSizeAllowed: String(partBytesMin),
    ProposedSize: String(part.blob.sizeBytes),
    PartNumber: String(at + 1),
  });
}

function objectChecksums({ checksum }: Upload, parts: readonly Part[]): Checksums {
  if (!checksum) return {};
  const values = parts.map((part) => ({
    checksum: part.checksums[checksum.name] ?? "",
    sizeBytes: part.blob.sizeBytes,
  }));
  const value =
    checksum.type === "FULL_OBJECT"
      ? fullObjectChecksum(checksum.name as CrcName, values)
      : compositeChecksum(
          checksum.name,
          values.map((part) => part.checksum),
        );
  return { [checksum.name]: value };
}

/** Holds the finished object against the size and the checksum that the request expects. */
function checkObject({ headers }: Operation, object: StoredObject): void {
  const size = headerText(headers, "x-amz-mp-object-size");
  if (size !== undefined && Number(size) !== object.sizeBytes) {
    throw new Refusal(
      400,
      "InvalidRequest",
      "The provided 'x-amz-mp-object-size' header does not match what was computed.",
    );
  }
  for (const [name, value] of Object.entries(object.checksums)) {
    const expected = headerText(headers, checksumHeader(name as ChecksumName));
    if (expected !== undefined && expected !== value) {
      const message = `The ${name.toUpperCase()} you specified did not match the calculated checksum.`;
      throw new Refusal(400, "BadDigest", message);
    }
  }
}

export function abortUpload(operation: Operation): Reply {
  const upload = requireUpload(operation);
  requireBucket(operation).uploads.delete(upload.id);
  operation.store.discard([...upload.parts.values()].map((part) => part.blob));
  return { status: 204 };
}

export function listParts(operation: Operation): Reply {
  const { query } = operation;
  const upload = requireUpload(operation);
  const after = Number(query.get("part-number-marker") ?? 0);
  const max = Math.min(1000, Number(query.get("max-parts") ?? 1000));
  const rest = [...upload.parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
  const page = rest.slice(0, max);
  const parts = page.map(([number, part]) => {
    const checksums = Object.entries(part.checksums).map(([name, value]) =>
      element(checksumElement(name), value),
    );
    return `<Part>${element("PartNumber", number)}${element("LastModified", new Date(part.modifiedMs).toISOString())}${element("ETag", `"${part.etag}"`)}${element("Size", part.blob.sizeBytes)}${checksums.join("")}</Part>`;
  });
  const content = [
    uploadElements(operation.bucket ?? "", upload),
    element("PartNumberMarker", after),
    element("NextPartNumberMarker", page.at(-1)?.[0] ?? 0),
    element("MaxParts", max),
    element("IsTruncated", rest.length > max),
    ...parts,
  ];
  return { status: 200, body: xmlDocument("ListPartsResult", content.join("")) };
}

export function listUploads(operation: Operation): Reply {
  const { query } = operation;
  const bucket = requireBucket(operation);
  const prefix = query.get("prefix") ?? "";
  const uploads = [...bucket.uploads.values()]
    .filter((upload) => upload.key.startsWith(prefix))
    .sort((a, b) => (a.key === b.key ? a.startedMs - b.startedMs : a.key < b.key ? -1 : 1))
    .map((upload) => {
      const initiated = element("Initiated", new Date(upload.startedMs).toISOString());
      return `<Upload>${element("Key", fromKeyBytes(upload.key))}${element("UploadId", upload.id)}${initiated}</Upload>`;
    });
  const content = [
    element("Bucket", bucket.name),
    element("Prefix", fromKeyBytes(prefix)),
    element("MaxUploads", 1000),
    element("IsTruncated", false),
    ...uploads,
  ];
  return { status: 200, body: xmlDocument("ListMultipartUploadsResult", content.join("")) };
}
