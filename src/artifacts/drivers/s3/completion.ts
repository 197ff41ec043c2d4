import type { UploadedPart } from "../../../transfer/index.ts";
import { wholeCrc32 as combined, encodeCrc32 } from "../../digests.ts";
import { encodeXml, namespace } from "../../xml.ts";

/** The body of CompleteMultipartUpload: the parts in order, each with its CRC-32 where it was sent with one. */
export function listParts(parts: readonly UploadedPart[]): string {
  return `<CompleteMultipartUpload xmlns="${namespace}">${parts.map(partElement).join("")}</CompleteMultipartUpload>`;
}

/** The headers that let the store verify the whole object, from the CRC-32s of its parts, all of which have one. */
export function wholeCrc32(parts: readonly UploadedPart[]): Readonly<Record<string, string>> {
  return { "x-amz-checksum-crc32": encodeCrc32(combined(parts)), "x-amz-checksum-type": "FULL_OBJECT" };
}

function partElement({ number, etag, crc32 }: UploadedPart): string {
  const checksum = crc32 === undefined ? "" : `<ChecksumCRC32>${encodeCrc32(crc32)}</ChecksumCRC32>`;
  return `<Part><PartNumber>${number}</PartNumber><ETag>${encodeXml(etag)}</ETag>${checksum}</Part>`;
}
