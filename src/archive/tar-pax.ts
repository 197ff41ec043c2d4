import type { ByteString } from "./byte-string.ts";
import { corrupt } from "./errors.ts";

/** The records of an extended header (POSIX.1-2017 pax, "pax Extended Header"), in order, for a key may come more than once (sparse maps). Throws Corrupt. */
export function decodeRecords(body: Buffer): [key: string, value: ByteString][] {
  const records: [string, string][] = [];
  for (let at = 0; at < body.length; ) {
    const blank = body.indexOf(0x20, at);
    const digits = blank === -1 || blank > at + 10 ? "" : body.toString("latin1", at, blank);
    const end = at + (/^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0);
    const equals = body.indexOf(0x3d, blank);
    if (end <= blank || end > body.length || body[end - 1] !== 0x0a || equals === -1 || equals >= end) {
      throw corrupt("tar: invalid PAX header; the archive is damaged");
    }
    records.push([body.toString("latin1", blank + 1, equals), body.toString("latin1", equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** A whole, not negative number of a record. */
export function recordNumber(key: string, value: string): number {
  const result = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(result)) throw corrupt(`tar: invalid PAX header: ${key} is not a number`);
  return result;
}
