/** Functions of dates: seconds since 1970 and broken-down times. */

import { quoteGo } from "../../text/quote.ts";
import { daysFromCivil } from "../../time/civil.ts";
import { Moment } from "../../time/moment.ts";
import { utc } from "../../time/zone.ts";
import type { NativeFunctions } from "../native.ts";
import { failedOn, notApplicable, within } from "../problems.ts";
import { isArray, isNumber, JqError, type JqValue } from "../values.ts";
import { formatTime, parseTime } from "./strftime.ts";

export const dateFunctions: NativeFunctions = {
  "now/0": () => Date.now() / 1000,
  "gmtime/0": (input) => brokenDown(secondsOf("gmtime", input)),
  "localtime/0": (input) => brokenDown(secondsOf("localtime", input)),
  "mktime/0": (input) => {
    if (!isArray(input)) throw notApplicable("mktime", input);
    const seconds = within("mktime", input, [], () => epoch(input));
    return Number.isSafeInteger(seconds) ? BigInt(seconds) : seconds;
  },
  "strftime/1": (input, [format = null]) => formatted("strftime", input, format),
  "strflocaltime/1": (input, [format = null]) => formatted("strflocaltime", input, format),
  "strptime/1": (input, [format]) => {
    if (typeof input !== "string" || typeof format !== "string")
      throw notApplicable("strptime", input, format ?? null);
    const seconds = parseTime(input, format);
    if (typeof seconds === "string") {
      const reason = `failed to parse ${quoteGo(input)} with ${quoteGo(format)}: ${seconds}`;
      throw failedOn("strptime", input, [format], reason);
    }
    return brokenDown(seconds);
  },
};

function secondsOf(name: string, value: JqValue): number {
  if (isNumber(value) && Number.isFinite(Number(value))) return Number(value);
  throw notApplicable(name, value);
}

/** The whole seconds cut towards zero, the fraction always up from the second below: so -0.5 is half a second after 0. */
function nanosOf(seconds: number): bigint {
  return (
    BigInt(Math.trunc(seconds)) * 1_000_000_000n + BigInt(Math.trunc((seconds - Math.floor(seconds)) * 1e9))
  );
}

/** Year, month from 0, day, hour, minute, second with its fraction, weekday from Sunday, day of the year from 0. */
function brokenDown(seconds: number): JqValue {
  const moment = new Moment(nanosOf(seconds), utc);
  const { year, month, day } = moment.date;
  const inDay = moment.secondOfDay;
  const parts = [year, month - 1, day, Math.floor(inDay / 3600), Math.floor(inDay / 60) % 60];
  const second =
    moment.nanosecond === 0 ? BigInt(inDay % 60) : (inDay % 60) + moment.nanosecond / 1_000_000_000;
  return [...parts.map(BigInt), second, BigInt(moment.weekday), BigInt(moment.yearDay - 1)];
}

/** The seconds of a broken-down time; what is missing of it is zero. */
function epoch(parts: readonly JqValue[]): number {
  const numbers = parts.map((part) => {
    if (!isNumber(part)) throw new JqError("expected an array of 8 numbers");
    return Number(part);
  });
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  const days = daysFromCivil(Math.trunc(year), Math.trunc(month) + 1, Math.trunc(day));
  return days * 86_400 + Math.trunc(hour) * 3600 + Math.trunc(minute) * 60 + second;
}

function formatted(name: string, input: JqValue, format: JqValue): JqValue {
  const parts = isNumber(input) ? brokenDown(secondsOf(name, input)) : input;
  if (!isArray(parts) || typeof format !== "string") throw notApplicable(name, parts, format);
  const seconds = within(name, parts, [format], () => epoch(parts));
  const micros = Math.floor((seconds - Math.floor(seconds)) * 1_000_000);
  return formatTime(new Moment(BigInt(Math.floor(seconds)) * 1_000_000_000n, utc), micros, format);
}
