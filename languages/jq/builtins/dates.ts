/** Functions of dates: seconds since 1970 and broken-down times. */
import { daysFromCivil } from "../../time/civil.ts";
import { Moment } from "../../time/moment.ts";
import { utc } from "../../time/zone.ts";
import type { NativeFunctions } from "../native.ts";
import { isArray, isNumber, JqError, type JqValue } from "../values.ts";
import { notApplicable } from "./arrays.ts";
import { formatTime, parseTime } from "./strftime.ts";
import { textOf } from "./texts.ts";

export const dateFunctions: NativeFunctions = {
  "now/0": () => Date.now() / 1000,
  "gmtime/0": (input) => brokenDown(secondsOf("gmtime", input)),
  "localtime/0": (input) => brokenDown(secondsOf("localtime", input)),
  "mktime/0": (input) => {
    if (!isArray(input)) throw notApplicable("mktime", input);
    return epoch("mktime", input);
  },
  "strftime/1": (input, [format]) => format1("strftime", input, format),
  "strflocaltime/1": (input, [format]) => format1("strflocaltime", input, format),
  "strptime/1": (input, [format]) => {
    const text = textOf("strptime", input);
    const seconds = parseTime(text, textOf("strptime", format));
    if (seconds === undefined)
      throw new JqError(`strptime cannot be applied to ${JSON.stringify(text)}: does not match`);
    return brokenDown(seconds);
  },
};

function secondsOf(name: string, value: JqValue): number {
  if (isNumber(value) && Number.isFinite(Number(value))) return Number(value);
  throw notApplicable(name, value);
}

function momentOf(seconds: number): Moment {
  return new Moment(BigInt(Math.floor(seconds)) * 1_000_000_000n, utc);
}

/** Year, month from 0, day, hour, minute, second with its fraction, weekday from Sunday, day of the year from 0. */
function brokenDown(seconds: number): JqValue {
  const moment = momentOf(seconds);
  const { year, month, day } = moment.date;
  const inDay = moment.secondOfDay;
  const fraction = seconds - Math.floor(seconds);
  const second = (inDay % 60) + fraction;
  const parts = [year, month - 1, day, Math.floor(inDay / 3600), Math.floor(inDay / 60) % 60];
  const exact = fraction === 0 ? BigInt(inDay % 60) : second;
  return [...parts.map(BigInt), exact, BigInt(moment.weekday), BigInt(moment.yearDay - 1)];
}

/** The seconds of a broken-down time. */
function epoch(name: string, parts: readonly JqValue[]): JqValue {
  if (parts.length < 6) throw notApplicable(name, parts);
  const numbers = parts.map((part) => {
    if (!isNumber(part)) throw notApplicable(name, parts);
    return Number(part);
  });
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  const days = daysFromCivil(Math.trunc(year), Math.trunc(month) + 1, Math.trunc(day));
  const seconds = days * 86_400 + Math.trunc(hour) * 3600 + Math.trunc(minute) * 60 + second;
  return Number.isSafeInteger(seconds) ? BigInt(seconds) : seconds;
}

function format1(name: string, input: JqValue, format: JqValue | undefined): JqValue {
  const seconds = isArray(input) ? Number(epoch(name, input)) : secondsOf(name, input);
  const micros = Math.round((seconds - Math.floor(seconds)) * 1_000_000);
  return formatTime(momentOf(seconds), micros, textOf(name, format));
}
