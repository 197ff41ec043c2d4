/** Methods of times: Go's time.Time, as far as its results are values of the language. */
import { quoteGo } from "../text/quote.ts";
import { MONTH_NAMES } from "../time/civil.ts";
import { displayMoment, formatMoment, RFC3339_NANO } from "../time/format-moment.ts";
import { Moment, momentOf } from "../time/moment.ts";
import { LOCAL, UTC } from "../time/zone.ts";
import type { Method, Methods } from "./methods.ts";
import { durationArgument } from "./methods-duration.ts";
import {
  BOOL,
  BYTES,
  DURATION,
  INT,
  INT64,
  LOCATION,
  MONTH,
  STRING,
  TIME,
  type Type,
  UNKNOWN,
  WEEKDAY,
} from "./types.ts";
import { Location, NamedInt, runError, type Value } from "./values.ts";

/** Nanoseconds from the year 1, where Truncate and Round start counting, to 1970. */
const YEAR_ONE = 62_135_596_800_000_000_000n;

export const TIME_METHODS: Methods<Moment> = new Map<string, Method<Moment>>([
  ["Year", int((moment) => moment.date.year)],
  ["Day", int((moment) => moment.date.day)],
  ["Hour", int((moment) => Math.floor(moment.secondOfDay / 3600))],
  ["Minute", int((moment) => Math.floor(moment.secondOfDay / 60) % 60)],
  ["Second", int((moment) => moment.secondOfDay % 60)],
  ["Nanosecond", int((moment) => moment.nanosecond)],
  ["YearDay", int((moment) => moment.yearDay)],
  ["Month", get(MONTH, (moment) => new NamedInt("time.Month", BigInt(moment.date.month)))],
  ["Weekday", get(WEEKDAY, (moment) => new NamedInt("time.Weekday", BigInt(moment.weekday)))],
  ["Unix", get(INT64, (moment) => new NamedInt("int64", BigInt(moment.unix)))],
  ["UnixMilli", unixCount(1_000_000n)],
  ["UnixMicro", unixCount(1_000n)],
  ["UnixNano", unixCount(1n)],
  ["String", get(STRING, displayMoment)],
  ["GoString", get(STRING, goText)],
  ["IsZero", get(BOOL, (moment) => moment.isZero)],
  ["IsDST", get(BOOL, (moment) => moment.offset.isDst)],
  ["UTC", get(TIME, (moment) => moment.in(UTC))],
  ["Local", get(TIME, (moment) => moment.in(LOCAL))],
  ["Location", get(LOCATION, (moment) => new Location(moment.zone))],
  ["ISOWeek", { ...int(isoYear), results: [INT, INT] }],
  ["Zone", { ...get(STRING, (moment) => moment.offset.abbreviation), results: [STRING, INT] }],
  ["Date", { ...int((moment) => moment.date.year), results: [INT, MONTH, INT] }],
  ["Clock", { ...int((moment) => moment.secondOfDay), results: [INT, INT, INT] }],
  ["MarshalText", { ...get(BYTES, marshal), results: [BYTES, UNKNOWN] }],
  [
    "MarshalJSON",
    { ...get(BYTES, (moment) => Buffer.from(`"${marshal(moment)}"`)), results: [BYTES, UNKNOWN] },
  ],
  [
    "AppendFormat",
    method([BYTES, STRING], BYTES, (moment, [bytes, layout]) =>
      appended(bytes, formatMoment(moment, String(layout))),
    ),
  ],
  [
    "AppendText",
    {
      ...method([BYTES], BYTES, (moment, [bytes]) => appended(bytes, marshal(moment))),
      results: [BYTES, UNKNOWN],
    },
  ],
  ["Format", method([STRING], STRING, (moment, [layout]) => formatMoment(moment, String(layout)))],
  ["Add", method([DURATION], TIME, (moment, [by]) => moment.add(durationArgument(by).nanoseconds))],
  [
    "AddDate",
    method([INT, INT, INT], TIME, (moment, [years, months, days]) => addDate(moment, years, months, days)),
  ],
  ["Sub", method([TIME], DURATION, (moment, [other]) => moment.since(time(other)))],
  ["Before", method([TIME], BOOL, (moment, [other]) => moment.unixNano < time(other).unixNano)],
  ["After", method([TIME], BOOL, (moment, [other]) => moment.unixNano > time(other).unixNano)],
  ["Equal", method([TIME], BOOL, (moment, [other]) => moment.unixNano === time(other).unixNano)],
  ["Compare", method([TIME], INT, (moment, [other]) => compare(moment.unixNano, time(other).unixNano))],
  ["In", method([LOCATION], TIME, (moment, [location]) => inLocation(moment, location))],
  ["Truncate", adjust((rest) => -rest)],
  ["Round", adjust((rest, step) => (rest + rest < step ? -rest : step - rest))],
]);

function method(
  parameters: readonly Type[],
  result: Type,
  call: (moment: Moment, args: readonly Value[]) => Value,
): Method<Moment> {
  return { parameters, results: [result], call };
}

function get(result: Type, call: (moment: Moment) => Value): Method<Moment> {
  return method([], result, call);
}

function int(read: (moment: Moment) => number): Method<Moment> {
  return get(INT, (moment) => BigInt(read(moment)));
}

function unixCount(unit: bigint): Method<Moment> {
  return get(INT64, ({ unixNano }) => {
    const rest = ((unixNano % unit) + unit) % unit;
    return new NamedInt("int64", BigInt.asIntN(64, (unixNano - rest) / unit));
  });
}

/** `change` gets how far the time is beyond a multiple of the step and gives what to add. */
function adjust(change: (rest: bigint, step: bigint) => bigint): Method<Moment> {
  return method([DURATION], TIME, (moment, [argument]) => {
    const step = durationArgument(argument).nanoseconds;
    if (step <= 0n) return moment;
    const rest = (((moment.unixNano + YEAR_ONE) % step) + step) % step;
    return moment.add(change(rest, step));
  });
}

function addDate(
  moment: Moment,
  years = null as Value,
  months = null as Value,
  days = null as Value,
): Moment {
  const { year, month, day } = moment.date;
  const moved = { year: year + Number(years), month: month + Number(months), day: day + Number(days) };
  return momentOf(moved, moment.secondOfDay, moment.nanosecond, moment.zone);
}

function inLocation(moment: Moment, location: Value | undefined): Moment {
  if (location instanceof Location) return moment.in(location.zone);
  throw runError("time: missing Location in call to Time.In");
}

/** The year that the ISO week belongs to: that of the week's Thursday. */
function isoYear(moment: Moment): number {
  const fromMonday = (moment.weekday + 6) % 7;
  return moment.add(BigInt(3 - fromMonday) * 86_400_000_000_000n).date.year;
}

function marshal(moment: Moment): Buffer {
  return Buffer.from(formatMoment(moment, RFC3339_NANO));
}

function appended(bytes: Value | undefined, text: string | Buffer): Buffer {
  return Buffer.concat([bytes instanceof Uint8Array ? bytes : Buffer.of(), Buffer.from(text)]);
}

function goText(moment: Moment): string {
  const { year, month, day } = moment.date;
  const seconds = moment.secondOfDay;
  const { name } = moment.zone;
  const location = name === "UTC" || name === "Local" ? name : `Location(${quoteGo(name)})`;
  const clock = `${Math.floor(seconds / 3600)}, ${Math.floor(seconds / 60) % 60}, ${seconds % 60}`;
  return `time.Date(${year}, time.${MONTH_NAMES[month - 1]}, ${day}, ${clock}, ${moment.nanosecond}, time.${location})`;
}

function time(value: Value | undefined): Moment {
  if (value instanceof Moment) return value;
  throw runError("reflect: Call using a value of another type as type time.Time");
}

function compare(left: bigint, right: bigint): bigint {
  return left < right ? -1n : left > right ? 1n : 0n;
}
