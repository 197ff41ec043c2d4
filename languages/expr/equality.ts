/** Equality of values (docs/contract/expressions.md#1.5.3). */
import { Duration } from "../time/duration.ts";
import { Moment } from "../time/moment.ts";
import { compareNumbers, numberOf } from "./operators.ts";
import {
  AnyMap,
  elementsOf,
  Header,
  isNil,
  List,
  Location,
  NamedInt,
  Pair,
  typeName,
  type Value,
} from "./values.ts";

/** `==`: numbers by value whatever their type, lists element by element, everything else exactly. */
export function equal(left: Value, right: Value): boolean {
  if (typeof left === "string" || typeof left === "boolean") return left === right;
  const a = numberOf(left);
  const b = numberOf(right);
  if (a !== undefined && b !== undefined) return compareNumbers(a, b) === 0;
  if (isNil(left) || isNil(right)) return isNil(left) && isNil(right);
  if (left instanceof Moment && right instanceof Moment) return left.unixNano === right.unixNano;
  if (isListLike(left) && isListLike(right)) {
    const items = elementsOf(left) ?? [];
    const others = elementsOf(right) ?? [];
    return items.length === others.length && items.every((item, i) => equal(item, others[i] ?? null));
  }
  return identical(left, right);
}

/** Structural equality with the same types at every depth. */
export function identical(left: Value, right: Value): boolean {
  if (typeName(left) !== typeName(right)) return false;
  if (left instanceof Map && right instanceof Map) return sameEntries(left, right);
  if (left instanceof Header && right instanceof Header) return sameEntries(left.entries, right.entries);
  if (left instanceof AnyMap && right instanceof AnyMap) {
    if (left.entries.size !== right.entries.size) return false;
    return [...left.entries.values()].every(({ key, value }) => {
      const other = right.get(key);
      return other !== undefined && identical(value, other);
    });
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  if (left instanceof List && right instanceof List) {
    return left.isNil === right.isNil && sameItems(left.items, right.items);
  }
  if (left instanceof Pair && right instanceof Pair) return sameItems(left.items, right.items);
  if (left instanceof Moment && right instanceof Moment) {
    return left.unixNano === right.unixNano && left.zone.name === right.zone.name;
  }
  if (left instanceof Duration && right instanceof Duration) return left.nanoseconds === right.nanoseconds;
  if (left instanceof NamedInt && right instanceof NamedInt) return left.value === right.value;
  if (left instanceof Location && right instanceof Location) return left.zone.name === right.zone.name;
  // Functions are never equal; NaN is not equal to itself.
  return typeof left === "object" && left !== null ? false : left === right;
}

function isListLike(value: Value): value is List | Uint8Array {
  return value instanceof List || value instanceof Uint8Array;
}

function sameItems(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((item, i) => identical(item, right[i] ?? null));
}

function sameEntries(left: ReadonlyMap<string, Value>, right: ReadonlyMap<string, Value>): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left) {
    const other = right.get(key);
    if (other === undefined || !identical(value, other)) return false;
  }
  return true;
}
