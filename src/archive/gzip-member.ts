import { crc32 } from "node:zlib";
import { lastBlock } from "./deflate-blocks.ts";

/**
 * The gzip members (RFC 1952) that we write: no name, no time, unknown operating system (contract artifacts.md 6.1), and
 * in the extra field the subfield "OR", which tells how long the member is, head and tail included. Whoever knows it
 * can decompress members side by side; everybody else skips it, as the RFC says.
 */
const headTemplate = Buffer.from("1f8b0804" + "00000000" + "00ff" + "0800" + "4f520400" + "00000000", "hex");
export const memberHeadBytes = headTemplate.length;
const tailBytes = 8;
/** Ours hold a block of 1 MiB. What says it is larger is read as a stream, in memory that does not depend on it. */
export const memberBytesMax = 2 * 1024 * 1024;

/** A member of what `deflated` holds, which ends byte-aligned and without a last block. */
export function gzipMember(
  content: Uint8Array,
  deflated: readonly Uint8Array[],
  level: number,
): readonly Uint8Array[] {
  const deflatedBytes = deflated.reduce((sum, { length }) => sum + length, lastBlock.length);
  const head = Buffer.from(headTemplate);
  head.writeUInt8(speedFlags(level), 8);
  head.writeUInt32LE(memberHeadBytes + deflatedBytes + tailBytes, 16);
  const tail = Buffer.alloc(lastBlock.length + tailBytes);
  lastBlock.copy(tail);
  tail.writeUInt32LE(crc32(content), 2);
  tail.writeUInt32LE(content.length, 6);
  return [head, ...deflated, tail];
}

/** The length of the member that begins with `head`, where it is one of ours that is not too large; else undefined. */
export function memberLength(head: Buffer): number | undefined {
  if (head.length < memberHeadBytes || head.readUInt32BE(0) !== 0x1f8b0804) return undefined;
  const isOurs = head.subarray(10, 15).equals(headTemplate.subarray(10, 15));
  const length = head.readUInt32LE(16);
  return isOurs && length >= memberHeadBytes + tailBytes && length <= memberBytesMax ? length : undefined;
}

/** What the member says its content's length is. */
export function contentLength(member: Buffer): number {
  return member.readUInt32LE(member.length - 4);
}

function speedFlags(level: number): number {
  if (level === 9) return 2;
  return level === 1 ? 4 : 0;
}
