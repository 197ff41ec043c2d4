/** C's strftime and strptime, in UTC and English. */

import { quoteGo } from "../../text/quote.ts";
import { daysFromCivil, monthNames, weekdayNames } from "../../time/civil.ts";
import type { Moment } from "../../time/moment.ts";

const composedForms: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  h: "%b",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  T: "%H:%M:%S",
  v: "%e-%b-%Y",
  "+": "%a %b %e %H:%M:%S %Z %Y",
  X: "%H:%M:%S",
  x: "%m/%d/%y",
};

/** Flags, width, colons and the letter of a directive. */
const directiveForm = /%([-_0^#]*)(\d*)(:{0,3})([\s\S])/gu;

/** `micros`: millionths of the second, which the moment does not have. */
export function formatTime(moment: Moment, micros: number, format: string): string {
  const fields = fieldsOf(moment, micros);
  return format.replace(
    directiveForm,
    (whole: string, flags: string, width: string, colons: string, letter: string) => {
      const composed = composedForms[letter];
      const plain = composed === undefined ? fields[letter] : formatTime(moment, micros, composed);
      const value = letter === "z" ? zoneForms[colons.length] : plain;
      if (value === undefined || (colons !== "" && letter !== "z")) return whole;
      return padded(cased(value, flags, letter), flags, Number(width));
    },
  );
}

/** Of UTC, by the number of colons. */
const zoneForms = ["+0000", "+00:00", "+00:00:00", "+00"];

function cased(value: string, flags: string, letter: string): string {
  if (flags.includes("^")) return value.toUpperCase();
  if (!flags.includes("#")) return value;
  return letter === "Z" || letter === "p" ? value.toLowerCase() : value.toUpperCase();
}

/** Numbers lose their padding, or get another one. */
function padded(value: string, flags: string, width: number): string {
  if (!/^ *-?\d+$/.test(value)) return value.padStart(width);
  const bare = value.replace(/^[ 0]+(?=\d)/, "");
  if (flags.includes("-")) return bare;
  if (flags.includes("_")) return bare.padStart(Math.max(width, value.length));
  const size = Math.max(width, value.length);
  if (flags.includes("0") || !value.startsWith(" "))
    return bare.startsWith("-") ? value : bare.padStart(size, "0");
  return bare.padStart(size);
}

function fieldsOf(moment: Moment, micros: number): Readonly<Record<string, string>> {
  const { year, month, day } = moment.date;
  const seconds = moment.secondOfDay;
  const hour = Math.floor(seconds / 3600);
  const { weekday, yearDay } = moment;
  const [isoYear, isoWeek] = isoWeekOf(moment);
  const pad = (value: number, width = 2): string => String(value).padStart(width, "0");
  return {
    "%": "%",
    n: "\n",
    t: "\t",
    Y: signedPad(year, 4),
    C: signedPad(Math.trunc(year / 100), 2),
    y: pad(Math.abs(year % 100)),
    G: signedPad(isoYear, 4),
    g: pad(Math.abs(isoYear % 100)),
    V: pad(isoWeek),
    m: pad(month),
    B: monthNames[month - 1] ?? "",
    b: (monthNames[month - 1] ?? "").slice(0, 3),
    d: pad(day),
    e: String(day).padStart(2),
    j: pad(yearDay, 3),
    A: weekdayNames[weekday] ?? "",
    a: (weekdayNames[weekday] ?? "").slice(0, 3),
    w: String(weekday),
    u: String(weekday === 0 ? 7 : weekday),
    U: pad(Math.floor((yearDay + 6 - weekday) / 7)),
    W: pad(Math.floor((yearDay + 6 - ((weekday + 6) % 7)) / 7)),
    H: pad(hour),
    k: String(hour).padStart(2),
    I: pad(hour % 12 || 12),
    l: String(hour % 12 || 12).padStart(2),
    M: pad(Math.floor(seconds / 60) % 60),
    S: pad(seconds % 60),
    f: pad(micros, 6),
    p: hour < 12 ? "AM" : "PM",
    P: hour < 12 ? "am" : "pm",
    s: String(moment.unix),
    z: "+0000",
    Z: "UTC",
  };
}

/** The sign is part of the width. */
function signedPad(value: number, width: number): string {
  return value < 0 ? `-${String(-value).padStart(width - 1, "0")}` : String(value).padStart(width, "0");
}

/** The week belongs to the year of its Thursday. */
function isoWeekOf(moment: Moment): readonly [number, number] {
  const fromMonday = (moment.weekday + 6) % 7;
  const thursday = moment.add(BigInt(3 - fromMonday) * 86_400_000_000_000n);
  return [thursday.date.year, Math.floor((thursday.yearDay - 1) / 7) + 1];
}

interface Parsed {
  year: number;
  month: number;
  day: number;
  yearDay: number | undefined;
  hour: number;
  isAfternoon: boolean | undefined;
  minute: number;
  second: number;
  fraction: number;
  offset: number;
  epoch: number | undefined;
}

type Setter = (parsed: Parsed, text: string) => void;

const monthWords = monthNames.flatMap((name) => [name, name.slice(0, 3)]).join("|");
const weekdayWords = weekdayNames.flatMap((name) => [name, name.slice(0, 3)]).join("|");
const monthReader: readonly [string, Setter] = [
  monthWords,
  (parsed, text) => {
    const index = monthNames.findIndex((name) =>
      name.toLowerCase().startsWith(text.toLowerCase().slice(0, 3)),
    );
    parsed.month = index + 1;
  },
];
const weekdayReader: readonly [string, Setter] = [weekdayWords, () => undefined];

const readers: Readonly<Record<string, readonly [string, Setter]>> = {
  Y: ["[+-]?\\d{1,4}", (parsed, text) => (parsed.year = Number(text))],
  y: ["\\d{1,2}", (parsed, text) => (parsed.year = Number(text) + (Number(text) < 69 ? 2000 : 1900))],
  m: ["\\d{1,2}", (parsed, text) => (parsed.month = Number(text))],
  B: monthReader,
  b: monthReader,
  d: ["\\d{1,2}", (parsed, text) => (parsed.day = Number(text))],
  e: [" ?\\d{1,2}", (parsed, text) => (parsed.day = Number(text))],
  j: ["\\d{1,3}", (parsed, text) => (parsed.yearDay = Number(text))],
  A: weekdayReader,
  a: weekdayReader,
  u: ["[1-7]", () => undefined],
  w: ["[0-6]", () => undefined],
  H: ["\\d{1,2}", (parsed, text) => (parsed.hour = Number(text))],
  k: [" ?\\d{1,2}", (parsed, text) => (parsed.hour = Number(text))],
  I: ["\\d{1,2}", (parsed, text) => (parsed.hour = Number(text))],
  l: [" ?\\d{1,2}", (parsed, text) => (parsed.hour = Number(text))],
  M: ["\\d{1,2}", (parsed, text) => (parsed.minute = Number(text))],
  S: ["\\d{1,2}(?:\\.\\d+)?", (parsed, text) => (parsed.second = Number(text))],
  f: ["\\d{1,9}", (parsed, text) => (parsed.fraction = Number(`0.${text}`))],
  p: ["AM|PM", (parsed, text) => (parsed.isAfternoon = text.toUpperCase() === "PM")],
  s: ["\\d+", (parsed, text) => (parsed.epoch = Number(text))],
  z: ["Z|[+-]\\d{2}:?\\d{2}", (parsed, text) => (parsed.offset = offsetOf(text))],
  Z: ["[A-Z]{1,5}", () => undefined],
  n: ["\\s+", () => undefined],
  t: ["\\s+", () => undefined],
  "%": ["%", () => undefined],
};

/** Seconds since 1970, or why the text does not have the form. */
export function parseTime(text: string, format: string): number | string {
  const parsed: Parsed = {
    year: 1900,
    month: 1,
    day: 1,
    yearDay: undefined,
    hour: 0,
    isAfternoon: undefined,
    minute: 0,
    second: 0,
    fraction: 0,
    offset: 0,
    epoch: undefined,
  };
  const expanded = format.replace(/%([cDFhRrTvXx])/g, (_, letter: string) => composedForms[letter] ?? "");
  let rest = text;
  for (const [directive, letter] of expanded.matchAll(/%([\s\S])|[\s\S]/gu)) {
    if (letter === undefined) {
      if (directive === "%") return 'stray "%"';
      if (!rest.startsWith(directive)) return `expected '${directive}'`;
      rest = rest.slice(directive.length);
      continue;
    }
    const reader = readers[letter];
    if (reader === undefined) return `unexpected format "%${letter}"`;
    const match = new RegExp(`^(?:${reader[0]})`, "i").exec(rest);
    if (match === null) return `cannot parse "%${letter}"`;
    reader[1](parsed, match[0].trim());
    if (!isInRange(parsed)) return `cannot parse "%${letter}"`;
    rest = rest.slice(match[0].length);
  }
  return rest === "" ? secondsOf(parsed) : `unparsed string ${quoteGo(rest)}`;
}

function isInRange(parsed: Parsed): boolean {
  const { month, day, yearDay = 1, hour, minute, second } = parsed;
  return (
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 31 &&
    yearDay >= 1 &&
    yearDay <= 366 &&
    hour <= 24 &&
    minute <= 59 &&
    second <= 60
  );
}

function secondsOf(parsed: Parsed): number {
  if (parsed.epoch !== undefined) return parsed.epoch;
  const { year, month, day, yearDay, minute, second } = parsed;
  let { hour } = parsed;
  if (parsed.isAfternoon !== undefined) hour = (hour % 12) + (parsed.isAfternoon ? 12 : 0);
  const days = yearDay === undefined ? daysFromCivil(year, month, day) : daysFromCivil(year, 1, yearDay);
  return days * 86_400 + hour * 3600 + minute * 60 + second + parsed.fraction - parsed.offset;
}

function offsetOf(text: string): number {
  if (text.toUpperCase() === "Z") return 0;
  const digits = text.replace(":", "");
  const size = Number(digits.slice(1, 3)) * 3600 + Number(digits.slice(3, 5)) * 60;
  return digits.startsWith("-") ? -size : size;
}
