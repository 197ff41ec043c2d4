/** Methods of times: Go's time.Time, as far as its results are values of the language. */
import { quoteGo } from "../text/quote.ts";
import { monthNames } from "../time/civil.ts";
import { displayMoment, formatMoment, rfc3339Nano } from "../time/format-moment.ts";
import { Moment, momentOf } from "../time/moment.ts";
import { localZone, utc } from "../time/zone.ts";
import type { Method, Methods } from "./method.ts";
import { durationArgument } from "./methods-duration.ts";
import {
  boolType,
  bytesType,
  durationType,
  int64Type,
  intType,
  locationType,
  monthType,
  stringType,
  type Type,
  timeType,
  unknownType,
  weekdayType,
} from "./types.ts";
import { Location, NamedInt, runError, type Value } from "./values.ts";

/** Nanoseconds from the year 1, where Truncate and Round start counting, to 1970. */
const yearOne = 62_135_596_800_000_000_000n;

export const timeMethods: Methods<Moment> = new Map<string, Method<Moment>>([
  ["Year", int((moment) => moment.date.year)],
  ["Day", int((moment) => moment.date.day)],
  ["Hour", int((moment) => Math.floor(moment.secondOfDay / 3600))],
  ["Minute", int((moment) => Math.floor(moment.secondOfDay / 60) % 60)],
  ["Second", int((moment) => moment.secondOfDay % 60)],
  ["Nanosecond", int((moment) => moment.nanosecond)],
  ["YearDay", int((moment) => moment.yearDay)],
  ["Month", get(monthType, (moment) => new NamedInt("time.Month", BigInt(moment.date.month)))],
  ["Weekday", get(weekdayType, (moment) => new NamedInt("time.Weekday", BigInt(moment.weekday)))],
  ["Unix", get(int64Type, (moment) => new NamedInt("int64", BigInt(moment.unix)))],
  ["UnixMilli", unixCount(1_000_000n)],
  ["UnixMicro", unixCount(1_000n)],
  ["UnixNano", unixCount(1n)],
  ["String", get(stringType, displayMoment)],
  ["GoString", get(stringType, goText)],
  ["IsZero", get(boolType, (moment) => moment.isZero)],
  ["IsDST", get(boolType, (moment) => moment.offset.isDst)],
  ["UTC", get(timeType, (moment) => moment.in(utc))],
  ["Local", get(timeType, (moment) => moment.in(localZone))],
  ["Location", get(locationType, (moment) => new Location(moment.zone))],
  ["ISOWeek", { ...int(isoYear), results: [intType, intType] }],
  ["Zone", { ...get(stringType, (moment) => moment.offset.abbreviation), results: [stringType, intType] }],
  ["Date", { ...int((moment) => moment.date.year), results: [intType, monthType, intType] }],
  ["Clock", { ...int((moment) => moment.secondOfDay), results: [intType, intType, intType] }],
  ["MarshalText", { ...get(bytesType, marshal), results: [bytesType, unknownType] }],
  [
    "MarshalJSON",
    { ...get(bytesType, (moment) => Buffer.from(`"${marshal(moment)}"`)), results: [bytesType, unknownType] },
  ],
  [
    "AppendFormat",
    method([bytesType, stringType], bytesType, (moment, [bytes, layout]) =>
      appended(bytes, formatMoment(moment, String(layout))),
    ),
  ],
  [
    "AppendText",
    {
      ...method([bytesType], bytesType, (moment, [bytes]) => appended(bytes, marshal(moment))),
      results: [bytesType, unknownType],
    },
  ],
  ["Format", method([stringType], stringType, (moment, [layout]) => formatMoment(moment, String(layout)))],
  ["Add", method([durationType], timeType, (moment, [by]) => moment.add(durationArgument(by).nanoseconds))],
  [
    "AddDate",
    method([intType, intType, intType], timeType, (moment, [years, months, days]) =>
      addDate(moment, years, months, days),
    ),
  ],
  ["Sub", method([timeType], durationType, (moment, [other]) => moment.since(time(other)))],
  ["Before", method([timeType], boolType, (moment, [other]) => moment.unixNano < time(other).unixNano)],
  ["After", method([timeType], boolType, (moment, [other]) => moment.unixNano > time(other).unixNano)],
  ["Equal", method([timeType], boolType, (moment, [other]) => moment.unixNano === time(other).unixNano)],
  [
    "Compare",
    method([timeType], intType, (moment, [other]) => compare(moment.unixNano, time(other).unixNano)),
  ],
  ["In", method([locationType], timeType, (moment, [location]) => inLocation(moment, location))],
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
  return get(intType, (moment) => BigInt(read(moment)));
}

function unixCount(unit: bigint): Method<Moment> {
  return get(int64Type, ({ unixNano }) => {
    const rest = ((unixNano % unit) + unit) % unit;
    return new NamedInt("int64", BigInt.asIntN(64, (unixNano - rest) / unit));
  });
}

/** `change` gets how far the time is beyond a multiple of the step and gives what to add. */
function adjust(change: (rest: bigint, step: bigint) => bigint): Method<Moment> {
  return method([durationType], timeType, (moment, [argument]) => {
    const step = durationArgument(argument).nanoseconds;
    if (step <= 0n) return moment;
    const rest = (((moment.unixNano + yearOne) % step) + step) % step;
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
  return Buffer.from(formatMoment(moment, rfc3339Nano));
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
  return `time.Date(${year}, time.${monthNames[month - 1]}, ${day}, ${clock}, ${moment.nanosecond}, time.${location})`;
}

function time(value: Value | undefined): Moment {
  if (value instanceof Moment) return value;
  throw runError("reflect: Call using a value of another type as type time.Time");
}

function compare(left: bigint, right: bigint): bigint {
  return left < right ? -1n : left > right ? 1n : 0n;
}
