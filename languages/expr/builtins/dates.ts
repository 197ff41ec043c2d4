/** Times, durations and zones. */
import { LanguageError } from "../../errors/index.ts";
import { parseDuration } from "../../time/duration.ts";
import { rfc3339 } from "../../time/format-moment.ts";
import { loadZone } from "../../time/load-zone.ts";
import { Moment } from "../../time/moment.ts";
import { parseMoment } from "../../time/parse-moment.ts";
import { localZone, utc, type Zone } from "../../time/zone.ts";
import type { Refusal } from "../check-operators.ts";
import { durationType, locationType, stringType, type Type, timeType } from "../types.ts";
import { Location, runError, type Value } from "../values.ts";
import { argument, type Builtins, overloads, wrongCount } from "./builtin.ts";
import { textArgument } from "./strings.ts";

/** The layouts that `date` tries, in order. */
const layouts: readonly string[] = [
  "2006-01-02",
  "15:04:05",
  "2006-01-02 15:04:05",
  rfc3339,
  "02 Jan 06 15:04 MST",
  "Monday, 02-Jan-06 15:04:05 MST",
  "Mon, 02 Jan 2006 15:04:05 MST",
];

export const dateBuiltins: Builtins = [
  [
    "now",
    {
      rule: (args) => {
        const isNow = args.length === 0 || (args.length === 1 && args[0] === locationType);
        return isNow ? timeType : wrongCount("0", args.length);
      },
      call: (args) => {
        const zone = args.length === 0 ? localZone : zoneArgument(args);
        return new Moment(BigInt(Date.now()) * 1_000_000n, zone);
      },
    },
  ],
  [
    "duration",
    { rule: overloads(durationType, [stringType]), call: (args) => parseDuration(textArgument(args, 0)) },
  ],
  [
    "timezone",
    {
      rule: overloads(locationType, [stringType]),
      call: (args) => new Location(loadZone(textArgument(args, 0))),
    },
  ],
  [
    "date",
    {
      rule: dateRule,
      call: date,
    },
  ],
];

/** Only the number of arguments is checked before they are known. */
function dateRule(given: readonly Type[]): Type | Refusal {
  if (given.length === 0) return wrongCount("at least 1", 0);
  const count = given[0] === locationType ? given.length - 1 : given.length;
  return count > 3 ? wrongCount("at most 3", count) : timeType;
}

function date(given: readonly Value[]): Value {
  const isZoned = argument(given, 0) instanceof Location;
  const args = isZoned ? given.slice(1) : given;
  const zone = isZoned ? zoneArgument(given) : utc;
  const text = textArgument(args, 0);
  if (args.length > 2) return parseMoment(textArgument(args, 1), text, loadZone(textArgument(args, 2)));
  if (args.length > 1) return parseMoment(textArgument(args, 1), text, zone);
  for (const layout of layouts) {
    const moment = tryLayout(layout, text, zone);
    if (moment !== undefined) return moment;
  }
  throw runError(`invalid date ${text}`);
}

function tryLayout(layout: string, text: string, zone: Zone): Moment | undefined {
  try {
    return parseMoment(layout, text, zone);
  } catch (error) {
    // Another layout may fit.
    if (error instanceof LanguageError) return undefined;
    throw error;
  }
}

function zoneArgument(args: readonly Value[]): Zone {
  const location = argument(args, 0);
  if (location instanceof Location) return location.zone;
  throw runError("interface conversion: interface {} is not *time.Location");
}
