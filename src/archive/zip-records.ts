import { type ByteString, isAscii, textOf } from "./byte-string.ts";

/**
 * The records of a zip archive as bytes and values (PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5; extended timestamps and
 * Unix modes as Info-ZIP has them).
 */
export const zipSignatures = {
  local: 0x04034b50,
  descriptor: 0x08074b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
} as const;

export const zipMethods = { stored: 0, deflated: 8 } as const;

/** General purpose flags. */
export const zipFlags = { encrypted: 1, descriptor: 8, utf8: 0x800 } as const;

const max16 = 0xffff;
const max32 = 0xffffffff;
const hostUnix = 3;

export interface ZipEntry {
  readonly name: ByteString;
  readonly method: number;
  readonly flags: number;
  /** Unix mode with the type bits. */
  readonly mode: number;
  readonly mtimeSeconds: number;
  /** Whether the sizes may need 64 bits; decided before they are known. */
  readonly isLarge: boolean;
}

/** What is known of an entry once its content has been written. */
export interface ZipSums {
  readonly crc: number;
  readonly compressedBytes: number;
  readonly sizeBytes: number;
}

export function flagsOf(name: ByteString): number {
  // A name that is not UTF-8 is left without the flag: its bytes then count as they are.
  return isAscii(name) || textOf(name).includes("\ufffd") ? 0 : zipFlags.utf8;
}

/** Without `sums` the entry ends with a data descriptor. */
export function encodeLocal(entry: ZipEntry, sums?: ZipSums): Buffer {
  const extra = [
    timeExtra(entry),
    ...(entry.isLarge ? [extraField(1, [sums?.sizeBytes ?? 0, sums?.compressedBytes ?? 0])] : []),
  ];
  const fields = Buffer.concat(extra);
  const name = Buffer.from(entry.name, "latin1");
  const head = Buffer.alloc(30);
  head.writeUInt32LE(zipSignatures.local, 0);
  head.writeUInt16LE(versionOf(entry), 4);
  writeCommon(head, 6, entry, sums, entry.isLarge);
  head.writeUInt16LE(name.length, 26);
  head.writeUInt16LE(fields.length, 28);
  return Buffer.concat([head, name, fields]);
}

export function encodeDescriptor(entry: ZipEntry, sums: ZipSums): Buffer {
  const record = Buffer.alloc(entry.isLarge ? 24 : 16);
  record.writeUInt32LE(zipSignatures.descriptor, 0);
  record.writeUInt32LE(sums.crc, 4);
  if (entry.isLarge) {
    record.writeBigUInt64LE(BigInt(sums.compressedBytes), 8);
    record.writeBigUInt64LE(BigInt(sums.sizeBytes), 16);
  } else {
    record.writeUInt32LE(sums.compressedBytes, 8);
    record.writeUInt32LE(sums.sizeBytes, 12);
  }
  return record;
}

/** The entry's record in the central directory; `offset` is where its local header begins. */
export function encodeCentral(entry: ZipEntry, sums: ZipSums, offset: number): Buffer {
  const isFar = offset >= max32;
  const wide = [...(entry.isLarge ? [sums.sizeBytes, sums.compressedBytes] : []), ...(isFar ? [offset] : [])];
  const fields = Buffer.concat([timeExtra(entry), ...(wide.length > 0 ? [extraField(1, wide)] : [])]);
  const name = Buffer.from(entry.name, "latin1");
  const head = Buffer.alloc(46);
  head.writeUInt32LE(zipSignatures.central, 0);
  head.writeUInt8(versionOf(entry), 4);
  head.writeUInt8(hostUnix, 5);
  head.writeUInt16LE(isFar ? 45 : versionOf(entry), 6);
  writeCommon(head, 8, entry, sums, entry.isLarge);
  head.writeUInt16LE(name.length, 28);
  head.writeUInt16LE(fields.length, 30);
  const isDirectory = entry.name.endsWith("/");
  head.writeUInt32LE(((entry.mode << 16) >>> 0) + (isDirectory ? 0x10 : 0), 38);
  head.writeUInt32LE(isFar ? max32 : offset, 42);
  return Buffer.concat([head, name, fields]);
}

/** The end of the archive, in its 64-bit form where a number needs it. */
export function encodeEnd(entries: number, directoryOffset: number, directoryBytes: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(zipSignatures.end, 0);
  end.writeUInt16LE(Math.min(entries, max16), 8);
  end.writeUInt16LE(Math.min(entries, max16), 10);
  end.writeUInt32LE(Math.min(directoryBytes, max32), 12);
  end.writeUInt32LE(Math.min(directoryOffset, max32), 16);
  if (entries < max16 && directoryBytes < max32 && directoryOffset < max32) return end;
  const wide = Buffer.alloc(56 + 20);
  wide.writeUInt32LE(zipSignatures.end64, 0);
  wide.writeBigUInt64LE(44n, 4);
  wide.writeUInt16LE((hostUnix << 8) | 45, 12);
  wide.writeUInt16LE(45, 14);
  wide.writeBigUInt64LE(BigInt(entries), 24);
  wide.writeBigUInt64LE(BigInt(entries), 32);
  wide.writeBigUInt64LE(BigInt(directoryBytes), 40);
  wide.writeBigUInt64LE(BigInt(directoryOffset), 48);
  wide.writeUInt32LE(zipSignatures.locator64, 56);
  wide.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 64);
  wide.writeUInt32LE(1, 72);
  return Buffer.concat([wide, end]);
}

/** Flags to sizes: the part that local and central headers have in common. */
function writeCommon(
  head: Buffer,
  at: number,
  entry: ZipEntry,
  sums: ZipSums | undefined,
  isWide: boolean,
): void {
  head.writeUInt16LE(entry.flags, at);
  head.writeUInt16LE(entry.method, at + 2);
  head.writeUInt32LE(dosTime(entry.mtimeSeconds), at + 4);
  head.writeUInt32LE(sums?.crc ?? 0, at + 8);
  head.writeUInt32LE(isWide ? max32 : (sums?.compressedBytes ?? 0), at + 12);
  head.writeUInt32LE(isWide ? max32 : (sums?.sizeBytes ?? 0), at + 16);
}

function versionOf(entry: ZipEntry): number {
  return entry.isLarge ? 45 : 20;
}

function extraField(id: number, numbers: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + numbers.length * 8);
  field.writeUInt16LE(id, 0);
  field.writeUInt16LE(numbers.length * 8, 2);
  for (const [index, value] of numbers.entries()) field.writeBigUInt64LE(BigInt(value), 4 + index * 8);
  return field;
}

/** Info-ZIP's extended timestamp: seconds since 1970, where 31 bits hold them. */
function timeExtra(entry: ZipEntry): Buffer {
  const field = Buffer.alloc(9);
  field.writeUInt16LE(0x5455, 0);
  field.writeUInt16LE(5, 2);
  field.writeUInt8(1, 4);
  field.writeInt32LE(Math.max(0, Math.min(0x7fffffff, Math.floor(entry.mtimeSeconds))), 5);
  return field;
}

/** Two-second steps since 1980, here in UTC: the time zone of a pod says nothing. */
function dosTime(mtimeSeconds: number): number {
  const earliest = Date.UTC(1980, 0, 1) / 1000;
  const latest = Date.UTC(2107, 11, 31) / 1000;
  const date = new Date(Math.max(earliest, Math.min(latest, mtimeSeconds)) * 1000);
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  return day * 0x10000 + time;
}
