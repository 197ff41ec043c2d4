/** The POSIX TZ rule at the end of a zone file, such as `CET-1CEST,M3.5.0,M10.5.0/3` (RFC 9636 section 3.3). */
import { civilFromDays, daysFromCivil, daysInMonth, isLeapYear, weekdayOfDays } from "./civil.ts";
import type { ZoneOffset } from "./zone.ts";

interface ChangeDay {
  readonly form: "month" | "julian" | "day";
  readonly month: number;
  readonly week: number;
  readonly day: number;
  /** Seconds after local midnight. */
  readonly time: number;
}

export interface PosixRule {
  readonly standard: ZoneOffset;
  readonly summer?: { readonly zone: ZoneOffset; readonly from: ChangeDay; readonly to: ChangeDay };
}

const ruleForm =
  /^([A-Za-z]{3,}|<[^>]+>)([+-]?[\d:]+)(?:([A-Za-z]{3,}|<[^>]+>)([+-]?[\d:]+)?,([^,]+),([^,]+))?$/;

/** Undefined for a rule of another form. */
export function parsePosixRule(text: string): PosixRule | undefined {
  const match = ruleForm.exec(text);
  if (match === null) return undefined;
  const [, name = "", offset = "0", summerName, summerOffset, fromText = "", toText = ""] = match;
  const standard: ZoneOffset = { offset: -seconds(offset), abbreviation: bare(name), isDst: false };
  if (summerName === undefined) return { standard };
  const summer: ZoneOffset = {
    offset: summerOffset === undefined ? standard.offset + 3600 : -seconds(summerOffset),
    abbreviation: bare(summerName),
    isDst: true,
  };
  return { standard, summer: { zone: summer, from: parseChange(fromText), to: parseChange(toText) } };
}

/** The offset that the rule gives at a moment. */
export function ruleOffset(rule: PosixRule, unix: number): ZoneOffset {
  if (rule.summer === undefined) return rule.standard;
  const { zone, from, to } = rule.summer;
  const year = civilFromDays(Math.floor((unix + rule.standard.offset) / 86_400)).year;
  const start = changeTime(year, from) - rule.standard.offset;
  const end = changeTime(year, to) - zone.offset;
  const inSummer = start < end ? unix >= start && unix < end : unix >= start || unix < end;
  return inSummer ? zone : rule.standard;
}

function parseChange(text: string): ChangeDay {
  const [dayText = "", timeText] = text.split("/");
  const time = timeText === undefined ? 7200 : seconds(timeText);
  if (dayText.startsWith("M")) {
    const [month = 1, week = 1, day = 0] = dayText.slice(1).split(".").map(Number);
    return { form: "month", month, week, day, time };
  }
  if (dayText.startsWith("J"))
    return { form: "julian", month: 1, week: 1, day: Number(dayText.slice(1)), time };
  return { form: "day", month: 1, week: 1, day: Number(dayText), time };
}

/** Local seconds since 1970 of the change in a year. */
function changeTime(year: number, change: ChangeDay): number {
  const newYear = daysFromCivil(year, 1, 1);
  if (change.form === "day") return (newYear + change.day) * 86_400 + change.time;
  if (change.form === "julian") {
    const leapDay = isLeapYear(year) && change.day > 59 ? 1 : 0;
    return (newYear + change.day - 1 + leapDay) * 86_400 + change.time;
  }
  const first = daysFromCivil(year, change.month, 1);
  let day = (change.day - weekdayOfDays(first) + 7) % 7;
  day += (change.week - 1) * 7;
  while (day >= daysInMonth(year, change.month)) day -= 7;
  return (first + day) * 86_400 + change.time;
}

function bare(name: string): string {
  return name.replace(/[<>]/g, "");
}

function seconds(text: string): number {
  const [hours = 0, minutes = 0, rest = 0] = text.replace(/^[+-]/, "").split(":").map(Number);
  const size = hours * 3600 + minutes * 60 + rest;
  return text.startsWith("-") ? -size : size;
}
