/** Display text of values: what `string()` gives and messages show (docs/contract/expressions.md#6.1). */
import { Budget } from "../budget.ts";
import { compareText } from "../text/byte-text.ts";
import { displayFloat } from "../text/numbers.ts";
import { monthNames, weekdayNames } from "../time/civil.ts";
import { Duration } from "../time/duration.ts";
import { displayMoment } from "../time/format-moment.ts";
import { Moment } from "../time/moment.ts";
import { order } from "./operators.ts";
import { AnyMap, Header, List, Location, NamedInt, Pair, type Value } from "./values.ts";

/**
 * The text of a value; it is charged, because one list may hold the same long text many times. Without a budget it has
 * a megabyte, which is more than a message should show.
 */
export function displayText(value: Value, budget = new Budget({ textBytes: 2 * 1024 * 1024 })): string {
  if (typeof value === "string") return value;
  const text = display(value, budget);
  budget.chargeText(text.length);
  return text;
}

function display(value: Value, budget: Budget): string {
  const inner = (item: Value): string => {
    const text = display(item, budget);
    budget.chargeText(text.length);
    return text;
  };
  if (value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "number") return displayFloat(value);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `[${value.join(" ")}]`;
  if (value instanceof List || value instanceof Pair) return `[${value.items.map(inner).join(" ")}]`;
  if (value instanceof Map) return displayMap([...value], inner);
  if (value instanceof Header) return displayMap([...value.entries], inner);
  if (value instanceof AnyMap) {
    const entries = [...value.entries.values()].sort((a, b) => compareKeys(a.key, b.key));
    return `map[${entries.map((entry) => `${inner(entry.key)}:${inner(entry.value)}`).join(" ")}]`;
  }
  if (value instanceof Moment) return displayMoment(value);
  if (value instanceof Duration) return value.toString();
  if (value instanceof Location) return value.zone.name;
  if (value instanceof NamedInt) return displayNamed(value);
  return value.typeName;
}

function displayMap(
  entries: readonly (readonly [string, Value])[],
  display: (value: Value) => string,
): string {
  const sorted = entries.toSorted(([a], [b]) => compareText(a, b));
  return `map[${sorted.map(([key, value]) => `${key}:${display(value)}`).join(" ")}]`;
}

function displayNamed(value: NamedInt): string {
  const names = {
    "time.Month": monthNames[Number(value.value) - 1],
    "time.Weekday": weekdayNames[Number(value.value)],
  };
  return (
    (value.type === "time.Month" || value.type === "time.Weekday" ? names[value.type] : undefined) ??
    String(value.value)
  );
}

/** Keys of different kinds have a fixed order of kinds. */
function compareKeys(a: Value, b: Value): number {
  const rank = (value: Value): number =>
    ["object", "boolean", "bigint", "number", "string"].indexOf(value === null ? "object" : typeof value);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === "boolean" || a === null || typeof a === "object")
    return displayText(a) < displayText(b) ? -1 : 1;
  return order("<", a, b);
}
