/** Reads times by a layout, with Go's rules and messages (package time, Parse and ParseInLocation). */
import { LanguageError } from "../errors/index.ts";
import { quoteTime } from "../text/quote.ts";
import { daysInMonth, isLeapYear, monthNames, weekdayNames } from "./civil.ts";
import { type Chunk, parseLayout } from "./layout.ts";
import { type Moment, momentOf } from "./moment.ts";
import { fixedZone, utc, type Zone } from "./zone.ts";

interface Parts {
  year: number;
  month: number;
  day: number;
  yearDay: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  half: "am" | "pm" | undefined;
  /** "UTC" when the text says so, else an abbreviation without a meaning of its own. */
  zoneName: string;
  isUtc: boolean;
  offset: number | undefined;
}

/** A field found no text of its form. */
class Mismatch {
  readonly outOfRange: string | undefined;
  constructor(outOfRange?: string) {
    this.outOfRange = outOfRange;
  }
}

/**
 * Parses `value` by `layout`; a text without an offset is read in `zone`, an offset that is the zone's own keeps the
 * zone. Throws LanguageError with Go's message.
 */
export function parseMoment(layout: string, value: string, zone: Zone = utc): Moment {
  const parts: Parts = {
    year: 0,
    month: -1,
    day: -1,
    yearDay: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    half: undefined,
    zoneName: "",
    isUtc: false,
    offset: undefined,
  };
  const about = `parsing time ${quoteTime(value)}`;
  const chunks = parseLayout(layout);
  let rest = value;
  for (const [i, chunk] of chunks.entries()) {
    const skipped = skipLiteral(rest, chunk.literal);
    if (!skipped.isMatch) throw mismatch(about, layout, skipped.rest, chunk.literal);
    rest = skipped.rest;
    try {
      if (chunk.field !== undefined) rest = parseField(parts, chunk, rest, chunks[i + 1]);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      if (error.outOfRange === undefined) throw mismatch(about, layout, rest, chunk.text);
      throw new LanguageError("evaluation", `${about}: ${error.outOfRange} out of range`);
    }
  }
  if (rest !== "") throw new LanguageError("evaluation", `${about}: extra text: ${quoteTime(rest)}`);
  return assemble(parts, zone, about);
}

function mismatch(about: string, layout: string, rest: string, element: string): LanguageError {
  const text = `${about} as ${quoteTime(layout)}: cannot parse ${quoteTime(rest)} as ${quoteTime(element)}`;
  return new LanguageError("evaluation", text);
}

/** Literal text must match; runs of spaces match any run of spaces, the empty one at the end included. */
function skipLiteral(value: string, literal: string): { readonly rest: string; readonly isMatch: boolean } {
  let rest = value;
  for (let i = 0; i < literal.length; i++) {
    if (literal[i] === " ") {
      if (rest !== "" && rest[0] !== " ") return { rest, isMatch: false };
      while (literal[i + 1] === " ") i++;
      rest = rest.replace(/^ +/, "");
    } else {
      if (rest[0] !== literal[i]) return { rest, isMatch: false };
      rest = rest.slice(1);
    }
  }
  return { rest, isMatch: true };
}

function parseField(parts: Parts, chunk: Chunk, value: string, next: Chunk | undefined): string {
  const number = (
    pattern: RegExp,
    low: number,
    high: number,
    name: string,
    set: (value: number) => void,
  ): string => {
    const match = pattern.exec(value);
    if (match === null) throw new Mismatch();
    const read = Number(match[0].trim());
    set(read);
    if (read < low || read > high) throw new Mismatch(name);
    return value.slice(match[0].length);
  };
  switch (chunk.field) {
    case "year":
      return number(/^\d{4}/, 0, 9999, "year", (read) => (parts.year = read));
    case "year-2":
      return number(/^\d\d/, 0, 99, "year", (read) => (parts.year = read >= 69 ? 1900 + read : 2000 + read));
    case "month":
      return number(/^\d\d?/, 1, 12, "month", (read) => (parts.month = read));
    case "month-2":
      return number(/^\d\d/, 1, 12, "month", (read) => (parts.month = read));
    case "month-name":
      return lookup(monthNames, 3, value, (index) => (parts.month = index + 1));
    case "month-long":
      return lookup(monthNames, undefined, value, (index) => (parts.month = index + 1));
    case "weekday":
      return lookup(weekdayNames, 3, value, () => undefined);
    case "weekday-long":
      return lookup(weekdayNames, undefined, value, () => undefined);
    case "day":
      return number(/^\d\d?/, 0, 99, "day", (read) => (parts.day = read));
    case "day-space":
      return number(/^ ?\d\d?/, 0, 99, "day", (read) => (parts.day = read));
    case "day-2":
      return number(/^\d\d/, 0, 99, "day", (read) => (parts.day = read));
    case "year-day-3":
      return number(/^\d{3}/, 0, 999, "day-of-year", (read) => (parts.yearDay = read));
    case "year-day-space":
      return number(/^ {0,2}\d{1,3}/, 0, 999, "day-of-year", (read) => (parts.yearDay = read));
    case "hour":
      return number(/^\d\d?/, 0, 23, "hour", (read) => (parts.hour = read));
    case "hour-12":
      return number(/^\d\d?/, 0, 12, "hour", (read) => (parts.hour = read));
    case "hour-12-2":
      return number(/^\d\d/, 0, 12, "hour", (read) => (parts.hour = read));
    case "minute":
      return number(/^\d\d?/, 0, 59, "minute", (read) => (parts.minute = read));
    case "minute-2":
      return number(/^\d\d/, 0, 59, "minute", (read) => (parts.minute = read));
    case "second":
      return implicitFraction(
        parts,
        number(/^\d\d?/, 0, 59, "second", (read) => (parts.second = read)),
        next,
      );
    case "second-2":
      return implicitFraction(
        parts,
        number(/^\d\d/, 0, 59, "second", (read) => (parts.second = read)),
        next,
      );
    case "PM":
      return lookupHalf(parts, value, "AM", "PM");
    case "pm":
      return lookupHalf(parts, value, "am", "pm");
    case "fraction-fixed":
      return fraction(parts, value, new RegExp(`^[.,]\\d{${chunk.text.length - 1}}`), true);
    case "fraction-trimmed":
      return fraction(parts, value, /^[.,]\d+/, false);
    case "offset":
      return parseOffset(parts, chunk.text, value);
    case "zone-name":
      return parseZoneName(parts, value);
    case undefined:
      return value;
  }
}

/** A fraction after the seconds is accepted even where the layout has none. */
function implicitFraction(parts: Parts, rest: string, next: Chunk | undefined): string {
  const isInLayout = next?.literal === "" && next.field?.startsWith("fraction-") === true;
  return isInLayout ? rest : fraction(parts, rest, /^[.,]\d+/, false);
}

function fraction(parts: Parts, value: string, pattern: RegExp, isRequired: boolean): string {
  const text = pattern.exec(value)?.[0];
  if (text === undefined) {
    if (isRequired) throw new Mismatch();
    return value;
  }
  parts.nanosecond = Number(text.slice(1, 10).padEnd(9, "0"));
  return value.slice(text.length);
}

function lookup(
  names: readonly string[],
  length: number | undefined,
  value: string,
  set: (index: number) => void,
): string {
  for (const [index, name] of names.entries()) {
    const wanted = name.slice(0, length);
    if (value.slice(0, wanted.length).toLowerCase() !== wanted.toLowerCase()) continue;
    set(index);
    return value.slice(wanted.length);
  }
  throw new Mismatch();
}

function lookupHalf(parts: Parts, value: string, am: string, pm: string): string {
  const half = value.slice(0, 2);
  if (half !== am && half !== pm) throw new Mismatch();
  parts.half = half === am ? "am" : "pm";
  return value.slice(2);
}

function parseOffset(parts: Parts, form: string, value: string): string {
  if (form.startsWith("Z") && value.startsWith("Z")) {
    parts.isUtc = true;
    return value.slice(1);
  }
  const separator = form.includes(":") ? ":" : "";
  const groups = form.replaceAll(":", "").length === 7 ? 3 : form.length > 3 ? 2 : 1;
  const match = new RegExp(`^([+-])${Array(groups).fill("(\\d\\d)").join(separator)}`).exec(value);
  if (match === null) throw new Mismatch();
  const [text, sign, hours, minutes, seconds] = match;
  const limits = [24, 60, 60];
  const names = ["hour", "minute", "second"];
  const sizes = [Number(hours), Number(minutes ?? 0), Number(seconds ?? 0)];
  for (const [i, size] of sizes.entries()) {
    if (size > (limits[i] ?? 0)) throw new Mismatch(`time zone offset ${names[i]}`);
  }
  const [hour = 0, minute = 0, second = 0] = sizes;
  const offset = hour * 3600 + minute * 60 + second;
  parts.offset = sign === "-" ? -offset : offset;
  return value.slice(text.length);
}

function parseZoneName(parts: Parts, value: string): string {
  if (value.startsWith("UTC")) {
    parts.isUtc = true;
    return value.slice(3);
  }
  const name =
    /^(?:ChST|MeST)/.exec(value)?.[0] ??
    /^GMT(?:[+-]0*(?:2[0-3]|1\d|\d)(?!\d))?/.exec(value)?.[0] ??
    /^[+-]0*(?:2[0-3]|1\d|\d)(?!\d)/.exec(value)?.[0] ??
    /^(?:WITA|[A-Z]{4}T|[A-Z]{3}T|[A-Z]{3})(?![A-Z])/.exec(value)?.[0];
  if (name === undefined) throw new Mismatch();
  parts.zoneName = name;
  return value.slice(name.length);
}

function assemble(parts: Parts, zone: Zone, about: string): Moment {
  let { month, day, hour } = parts;
  if (parts.half === "pm" && hour < 12) hour += 12;
  if (parts.half === "am" && hour === 12) hour = 0;
  if (parts.yearDay >= 0) {
    if (parts.yearDay < 1 || parts.yearDay > (isLeapYear(parts.year) ? 366 : 365)) {
      throw new LanguageError("evaluation", `${about}: day-of-year out of range`);
    }
    if (month < 0) {
      month = 1;
      day = parts.yearDay;
    }
  } else {
    month = month < 0 ? 1 : month;
    day = day < 0 ? 1 : day;
    if (day < 1 || day > daysInMonth(parts.year, month)) {
      throw new LanguageError("evaluation", `${about}: day out of range`);
    }
  }
  const at = (where: Zone): Moment =>
    momentOf(
      { year: parts.year, month, day },
      hour * 3600 + parts.minute * 60 + parts.second,
      parts.nanosecond,
      where,
    );
  if (parts.isUtc) return at(utc);
  if (parts.offset !== undefined) return inOffset(at(utc), parts.offset, parts.zoneName, zone);
  if (parts.zoneName !== "") return inNamedZone(at(utc), parts.zoneName, zone);
  return at(zone);
}

function inOffset(local: Moment, offset: number, name: string, zone: Zone): Moment {
  const moment = local.add(BigInt(-offset) * 1_000_000_000n);
  const own = zone.at(moment.unix);
  const isOwn = own.offset === offset && (name === "" || own.abbreviation === name);
  return moment.in(isOwn ? zone : fixedZone(name, offset));
}

/** An abbreviation that the zone does not know gets the offset 0, except GMT+3 and the like. */
function inNamedZone(local: Moment, name: string, zone: Zone): Moment {
  const known = zone.offsetOf(name, local.unix);
  if (known !== undefined) return local.add(BigInt(-known) * 1_000_000_000n).in(zone);
  const hours = name.startsWith("GMT") ? Number(name.slice(3)) : 0;
  return local.in(fixedZone(name, hours * 3600));
}
