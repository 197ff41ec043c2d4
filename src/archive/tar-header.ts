import { type ByteString, isAscii } from "./byte-string.ts";
import { corrupt } from "./errors.ts";
import { encodeRecords } from "./tar-pax.ts";

/**
 * The tar header block as bytes and values (POSIX.1-2017 pax, "ustar Interchange Format"; contract artifacts.md 6.1).
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

const flags: Readonly<Record<Exclude<TarType, "other">, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
};

/** The header of one entry: a USTAR block, after a PAX block for just those fields that USTAR cannot hold. */
export function encodeTarHeader(header: TarHeader & { readonly type: Exclude<TarType, "other"> }): Buffer {
  const records: [string, string][] = [];
  const name = splitName(header.path);
  if (!name) records.push(["path", header.path]);
  if (header.linkPath.length > 100 || !isAscii(header.linkPath)) records.push(["linkpath", header.linkPath]);
  if (!isAscii(header.uname) || header.uname.length > 32) records.push(["uname", header.uname]);
  if (!isAscii(header.gname) || header.gname.length > 32) records.push(["gname", header.gname]);
  if (header.uid > 0o7777777) records.push(["uid", String(header.uid)]);
  if (header.gid > 0o7777777) records.push(["gid", String(header.gid)]);
  if (header.sizeBytes > 0o77777777777) records.push(["size", String(header.sizeBytes)]);
  if (header.mtimeSeconds < 0 || header.mtimeSeconds > 0o77777777777) {
    records.push(["mtime", String(header.mtimeSeconds)]);
  }
  const block = encodeBlock(header, flags[header.type], name ?? ["", shortened(header.path)]);
  return records.length === 0 ? block : Buffer.concat([encodeExtension(header.path, records), block]);
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

function encodeBlock(
  header: Omit<TarHeader, "type">,
  flag: string,
  [prefix, name]: readonly [string, string],
): Buffer {
  const block = Buffer.alloc(tarBlockBytes);
  block.write(name, 0, 100, "latin1");
  octal(block, 100, 8, header.mode);
  octal(block, 108, 8, header.uid);
  octal(block, 116, 8, header.gid);
  octal(block, 124, 12, header.sizeBytes);
  octal(block, 136, 12, header.mtimeSeconds);
  block.write("        ", 148, "latin1");
  block.write(flag, 156, "latin1");
  block.write(asciiOf(header.linkPath), 157, 100, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.write(asciiOf(header.uname), 265, 32, "latin1");
  block.write(asciiOf(header.gname), 297, 32, "latin1");
  octal(block, 329, 8, header.deviceMajor);
  octal(block, 337, 8, header.deviceMinor);
  block.write(prefix, 345, 155, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** The extended header that precedes an entry, named `<dir>/PaxHeaders.0/<base>`. */
function encodeExtension(path: ByteString, records: readonly (readonly [string, string])[]): Buffer {
  const body = encodeRecords(records);
  const ascii = asciiOf(path);
  const slash = ascii.lastIndexOf("/");
  const name = `${ascii.slice(0, slash + 1)}PaxHeaders.0/${ascii.slice(slash + 1)}`;
  const header = {
    path: "",
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    sizeBytes: body.length,
    mtimeSeconds: 0,
    linkPath: "",
    deviceMajor: 0,
    deviceMinor: 0,
  };
  const padding = Buffer.alloc(tarPadding(body.length));
  return Buffer.concat([encodeBlock(header, "x", splitName(name) ?? ["", name]), body, padding]);
}

/** Prefix and name of a path that USTAR can hold, else undefined. */
function splitName(path: ByteString): readonly [prefix: string, name: string] | undefined {
  if (!isAscii(path)) return undefined;
  if (path.length <= 100) return ["", path];
  const slash = path.lastIndexOf("/", 155);
  const name = path.slice(slash + 1);
  return slash > 0 && name.length <= 100 && name.length > 0 ? [path.slice(0, slash), name] : undefined;
}

function octal(block: Buffer, offset: number, length: number, value: number): void {
  // What does not fit stands in a PAX record, which counts; the field itself is then 0, as Go's writer leaves it.
  const fits = value >= 0 && value < 8 ** (length - 1);
  block.write(`${(fits ? value : 0).toString(8).padStart(length - 1, "0")}\0`, offset, "latin1");
}

/** What stands in the name field beside a PAX record; cut at a slash, it would make a file look like a directory. */
function shortened(path: ByteString): string {
  return asciiOf(path).slice(0, 100).replace(/\/+$/, "");
}

function asciiOf(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : bytes.replaceAll(/[^\0-\x7f]/g, "");
}
