import { type Deflated, lastBlock } from "./block-encoder.ts";

/**
 * The gzip members (RFC 1952) that we write: no name, no time, unknown operating system
 * (docs/contract/artifacts.md#6.1), and in the extra field the subfield "OR", which tells how long the member is, head
 * and tail included. Whoever knows it can decompress members side by side; everybody else skips it, as the RFC says.
 */
const headTemplate = Buffer.from("1f8b0804" + "00000000" + "00ff" + "0800" + "4f520400" + "00000000", "hex");
export const memberHeadBytes = headTemplate.length;
const tailBytes = 8;
/** Ours hold a block of 1 MiB. What says it is larger is read as a stream, in memory that does not depend on it. */
export const memberBytesMax = 2 * 1024 * 1024;

/** A member of a deflated block. */
export function gzipMember(
  { chunks, sizeBytes, isOpen, content }: Deflated,
  level: number,
): readonly Uint8Array[] {
  const end = isOpen ? lastBlock : Buffer.alloc(0);
  const head = Buffer.from(headTemplate);
  head.writeUInt8(speedFlags(level), 8);
  head.writeUInt32LE(memberHeadBytes + sizeBytes + end.length + tailBytes, 16);
  const tail = Buffer.alloc(end.length + tailBytes);
  end.copy(tail);
  tail.writeUInt32LE(content.crc, end.length);
  tail.writeUInt32LE(content.sizeBytes, end.length + 4);
  return [head, ...chunks, tail];
}

/** What a member of ours holds between its head and its tail, and what the tail says of the content. */
export function memberParts(member: Buffer): { deflated: Buffer; crc: number; sizeBytes: number } {
  const end = member.length - tailBytes;
  return {
    deflated: member.subarray(memberHeadBytes, end),
    crc: member.readUInt32LE(end),
    sizeBytes: member.readUInt32LE(end + 4),
  };
}

/** The length of the member that begins with `head`, where it is one of ours that is not too large; else undefined. */
export function memberLength(head: Buffer): number | undefined {
  if (head.length < memberHeadBytes || head.readUInt32BE(0) !== 0x1f8b0804) return undefined;
  const isOurs = head.subarray(10, 15).equals(headTemplate.subarray(10, 15));
  const length = head.readUInt32LE(16);
  return isOurs && length >= memberHeadBytes + tailBytes && length <= memberBytesMax ? length : undefined;
}

function speedFlags(level: number): number {
  if (level === 9) return 2;
  return level === 1 ? 4 : 0;
}
