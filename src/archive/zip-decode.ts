import type { ByteString } from "./byte-string.ts";
import { corrupt } from "./errors.ts";
import { type ZipSums, zipFlags, zipMethods, zipSignatures } from "./zip-records.ts";

export interface LocalHeader extends ZipSums {
  readonly name: ByteString;
  readonly flags: number;
  readonly method: number;
  /** The sums stand behind the data instead of here. */
  readonly hasDescriptor: boolean;
  /** Undefined: the archive does not say, as Argo's own do not. */
  readonly mtimeSeconds: number | undefined;
  /** Where the header begins in the archive. */
  readonly offset: number;
}

export interface CentralRecord {
  readonly name: ByteString;
  readonly localOffset: number;
  /** Unix mode with the type bits; undefined where the archive was made without (FAT). */
  readonly mode: number | undefined;
}

const max32 = 0xffffffff;
/** Systems whose external attributes hold a Unix mode: Unix and macOS. */
const unixHosts = [3, 19];

/** A local header: the 26 bytes after its signature, and name and extra field. */
export function decodeLocal(fixed: Buffer, names: Buffer, offset: number): LocalHeader {
  const name = names.toString("latin1", 0, fixed.readUInt16LE(22));
  const extra = extraFields(names.subarray(name.length));
  const flags = fixed.readUInt16LE(2);
  const method = fixed.readUInt16LE(4);
  const wide = wideNumbers(extra.get(1), [fixed.readUInt32LE(18), fixed.readUInt32LE(14)]);
  const [sizeBytes = 0, compressedBytes = 0] = wide;
  const isEmptyDirectory = name.endsWith("/") && method === zipMethods.stored;
  return {
    name,
    flags,
    method,
    hasDescriptor: (flags & zipFlags.descriptor) !== 0 && !(isEmptyDirectory && compressedBytes === 0),
    crc: fixed.readUInt32LE(10),
    sizeBytes,
    compressedBytes,
    mtimeSeconds: timeOf(extra.get(0x5455), fixed.readUInt32LE(6)),
    offset,
  };
}

/** A central directory record: the 42 bytes after its signature, and name, extra field and comment. */
export function decodeCentral(fixed: Buffer, names: Buffer): CentralRecord {
  const nameLength = fixed.readUInt16LE(24);
  const extra = extraFields(names.subarray(nameLength, nameLength + fixed.readUInt16LE(26)));
  const numbers = [fixed.readUInt32LE(20), fixed.readUInt32LE(16), fixed.readUInt32LE(38)];
  const mode = fixed.readUInt32LE(34) >>> 16;
  return {
    name: names.toString("latin1", 0, nameLength),
    localOffset: wideNumbers(extra.get(1), numbers)[2] ?? 0,
    mode: unixHosts.includes(fixed.readUInt8(1)) && mode !== 0 ? mode : undefined,
  };
}

/**
 * The length of the data descriptor at the start of `bytes`: with or without signature, 32 or 64 bits. Which it is shows
 * in what follows, for an empty file's 64-bit sizes begin as 32-bit ones do; a record always follows.
 */
export function matchDescriptor(bytes: Buffer, sums: ZipSums): number | undefined {
  for (const start of [4, 0]) {
    if (start === 4 && (bytes.length < 4 || bytes.readUInt32LE(0) !== zipSignatures.descriptor)) continue;
    for (const width of [4, 8]) {
      const end = start + 4 + 2 * width;
      if (bytes.length < end || bytes.readUInt32LE(start) !== sums.crc) continue;
      const number = (at: number) =>
        width === 4 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at));
      if (bytes.toString("latin1", end, end + 2) !== "PK") continue;
      if (number(start + 4) === sums.compressedBytes && number(start + 4 + width) === sums.sizeBytes)
        return end;
    }
  }
  return undefined;
}

function extraFields(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16LE(at + 2);
    // Some programs pad the extra field with anything; what is no field is not an error.
    if (end > bytes.length) break;
    fields.set(bytes.readUInt16LE(at), bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** Numbers of which those that are all ones stand in the zip64 field, in order. */
function wideNumbers(field: Buffer | undefined, numbers: readonly number[]): number[] {
  let at = 0;
  return numbers.map((value) => {
    if (value !== max32 || !field) return value;
    if (at + 8 > field.length) throw corrupt("zip: a 64-bit number is missing; the archive is damaged");
    const wide = Number(field.readBigUInt64LE(at));
    at += 8;
    return wide;
  });
}

function timeOf(extended: Buffer | undefined, dos: number): number | undefined {
  if (extended && extended.length >= 5 && (extended[0] ?? 0) & 1) return extended.readInt32LE(1);
  if (dos === 0) return undefined;
  const day = dos >>> 16;
  return (
    Date.UTC(
      1980 + (day >> 9),
      ((day >> 5) & 15) - 1,
      day & 31,
      (dos >> 11) & 31,
      (dos >> 5) & 63,
      (dos & 31) * 2,
    ) / 1000
  );
}
