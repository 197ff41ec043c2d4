/** Reads compiled time zone files (RFC 9636) and the rule for the time after the last transition. */
import { LanguageError } from "../errors/index.ts";
import { type PosixRule, parsePosixRule, ruleOffset } from "./posix-rule.ts";
import type { Zone, ZoneOffset } from "./zone.ts";

const headerBytes = 44;

interface Counts {
  readonly isUt: number;
  readonly isStd: number;
  readonly leaps: number;
  readonly transitions: number;
  readonly types: number;
  readonly chars: number;
}

/** Throws LanguageError when the bytes are no zone file of version 2 or later. */
export function parseTzif(name: string, bytes: Buffer): Zone {
  if (bytes.toString("latin1", 0, 4) !== "TZif" || (bytes[4] ?? 0) < 0x32) {
    throw new LanguageError(
      "evaluation",
      `time zone file of ${name} has an unknown form; install a current tzdata`,
    );
  }
  const start = headerBytes + blockBytes(readCounts(bytes, 0), 4);
  const counts = readCounts(bytes, start);
  const times = start + headerBytes;
  const indexes = times + counts.transitions * 8;
  const typesAt = indexes + counts.transitions;
  const chars = typesAt + counts.types * 6;

  const types: ZoneOffset[] = [];
  for (let i = 0; i < counts.types; i++) types.push(readType(bytes, typesAt + i * 6, chars));
  const transitions: { readonly from: number; readonly type: ZoneOffset }[] = [];
  for (let i = 0; i < counts.transitions; i++) {
    const type = types[bytes[indexes + i] ?? 0];
    if (type !== undefined) transitions.push({ from: Number(bytes.readBigInt64BE(times + i * 8)), type });
  }
  const footer = bytes.toString("latin1", start + headerBytes + blockBytes(counts, 8)).trim();
  return tableZone(name, types, transitions, footer === "" ? undefined : parsePosixRule(footer));
}

function tableZone(
  name: string,
  types: readonly ZoneOffset[],
  transitions: readonly { readonly from: number; readonly type: ZoneOffset }[],
  rule: PosixRule | undefined,
): Zone {
  const first = types.find((type) => !type.isDst) ?? types[0];
  const utc: ZoneOffset = { offset: 0, abbreviation: "UTC", isDst: false };
  const at = (unix: number): ZoneOffset => {
    let low = 0;
    let high = transitions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((transitions[middle]?.from ?? 0) <= unix) low = middle + 1;
      else high = middle;
    }
    if (low === transitions.length && rule !== undefined) return ruleOffset(rule, unix);
    return transitions[low - 1]?.type ?? first ?? utc;
  };
  const offsetOf = (abbreviation: string, unix: number): number | undefined => {
    for (const type of types) {
      if (type.abbreviation !== abbreviation) continue;
      // The same abbreviation may have meant another offset in another year.
      const then = at(unix - type.offset);
      if (then.abbreviation === abbreviation) return then.offset;
    }
    return types.find((type) => type.abbreviation === abbreviation)?.offset;
  };
  return { name, at, offsetOf };
}

function readCounts(bytes: Buffer, at: number): Counts {
  return {
    isUt: bytes.readUInt32BE(at + 20),
    isStd: bytes.readUInt32BE(at + 24),
    leaps: bytes.readUInt32BE(at + 28),
    transitions: bytes.readUInt32BE(at + 32),
    types: bytes.readUInt32BE(at + 36),
    chars: bytes.readUInt32BE(at + 40),
  };
}

function blockBytes(counts: Counts, timeBytes: number): number {
  const { transitions, types, chars, leaps, isStd, isUt } = counts;
  return transitions * (timeBytes + 1) + types * 6 + chars + leaps * (timeBytes + 4) + isStd + isUt;
}

function readType(bytes: Buffer, at: number, chars: number): ZoneOffset {
  const nameAt = chars + (bytes[at + 5] ?? 0);
  const abbreviation = bytes.toString("latin1", nameAt, bytes.indexOf(0, nameAt));
  return { offset: bytes.readInt32BE(at), isDst: bytes[at + 4] === 1, abbreviation };
}
