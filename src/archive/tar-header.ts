import type { ByteString } from "./byte-string.ts";
import { corrupt } from "./errors.ts";

/**
 * The tar header block as bytes and values (POSIX.1-2017 pax, "ustar Interchange Format";
 * docs/contract/artifacts.md#6.1).
 *
 * This is not the `tar` package's Header and Pax: those decode names as UTF-8 (a Latin-1 file name changes silently),
 * put a PAX record for every field as soon as one needs it, name the extended header differently from the contract,
 * and know neither sparse files nor limits.
 */
export const tarBlockBytes = 512;

export type TarType =
  | "file"
  | "hardlink"
  | "symlink"
  | "character-device"
  | "block-device"
  | "directory"
  | "fifo"
  | "other";

export interface TarHeader {
  readonly path: ByteString;
  readonly type: TarType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: ByteString;
  readonly gname: ByteString;
  /** Bytes that follow the header; 0 for everything but files. */
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  /** Target of a link, else empty. */
  readonly linkPath: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** What one header block says by itself; extensions are the reader's business. */
export interface RawHeader extends TarHeader {
  readonly flag: string;
  /** GNU's old sparse files keep their map in the block. */
  readonly isOldGnu: boolean;
}

/**
 * Reads the header block at `offset`; undefined for a block of zeros, which ends an archive.
 * Throws Corrupt when it is no header.
 */
export function decodeTarHeader(buffer: Buffer, offset = 0): RawHeader | undefined {
  const block = buffer.subarray(offset, offset + tarBlockBytes);
  if (!hasValidChecksum(block)) {
    if (isZeroBlock(block)) return undefined;
    throw corrupt("tar: invalid header: its checksum is wrong; the archive is damaged or not a tar archive");
  }
  const magic = block.toString("latin1", 257, 265);
  const isUstar = magic.startsWith("ustar\0");
  const prefix = isUstar ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  const flag = block.toString("latin1", 156, 157);
  const path = prefix === "" ? name : `${prefix}/${name}`;
  const hasDevice = flag === "3" || flag === "4";
  return {
    path,
    flag,
    isOldGnu: magic === "ustar  \0",
    type: typeOf(flag),
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    uname: isUstar || magic === "ustar  \0" ? text(block, 265, 32) : "",
    gname: isUstar || magic === "ustar  \0" ? text(block, 297, 32) : "",
    sizeBytes: number(block, 124, 12),
    mtimeSeconds: number(block, 136, 12),
    linkPath: text(block, 157, 100),
    deviceMajor: hasDevice ? number(block, 329, 8) : 0,
    deviceMinor: hasDevice ? number(block, 337, 8) : 0,
  };
}

/** Bytes of zeros after a body of this size. */
export function tarPadding(sizeBytes: number): number {
  return (tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes;
}

/** A number of a header field: octal text, or binary (GNU's and star's base-256) when the first bit is set. */
export function number(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if (first & 0x80) return binaryNumber(block, offset, length, first);
  let value = 0;
  let digits = 0;
  for (let at = offset; at < offset + length; at++) {
    const byte = block[at] ?? 0;
    if (byte >= 0x30 && byte <= 0x37) {
      value = value * 8 + byte - 0x30;
      digits++;
    } else if (byte === 0 || byte === 0x20) {
      if (digits > 0) break;
    } else {
      throw corrupt("tar: invalid header: a number field holds something else; the archive is damaged");
    }
  }
  return value;
}

function binaryNumber(block: Buffer, offset: number, length: number, first: number): number {
  const isNegative = (first & 0x40) !== 0;
  let value = isNegative ? first | ~0x7f : first & 0x7f;
  for (let at = offset + 1; at < offset + length; at++) value = value * 256 + (block[at] ?? 0);
  if (!Number.isSafeInteger(value)) throw corrupt("tar: invalid header: a number is too large");
  return value;
}

function text(block: Buffer, offset: number, length: number): ByteString {
  const end = block.indexOf(0, offset);
  return block.toString("latin1", offset, end === -1 || end > offset + length ? offset + length : end);
}

function typeOf(flag: string): TarType {
  switch (flag) {
    case "0":
    case "\0":
    case "7":
      return "file";
    case "1":
      return "hardlink";
    case "2":
      return "symlink";
    case "3":
      return "character-device";
    case "4":
      return "block-device";
    case "5":
      return "directory";
    case "6":
      return "fifo";
    case "S":
      return "file";
    default:
      return "other";
  }
}

/** Sum of all bytes with the checksum field as blanks; some old programs summed signed bytes. */
function hasValidChecksum(block: Buffer): boolean {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let at = 0; at < tarBlockBytes; at++) {
    if (at === 148) at = 156;
    const byte = block[at] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const field = block.toString("latin1", 148, 156).replaceAll("\0", " ").trim();
  if (!/^[0-7]+$/.test(field)) return false;
  const stored = Number.parseInt(field, 8);
  return stored === unsigned || stored === signed;
}

function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
