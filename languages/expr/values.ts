/**
 * Values of the expression language (docs/contract/expressions.md#1.1). An int is a bigint, a float is a number: so the two
 * cannot be mixed up. Text is in the form of text/byte-text.ts.
 */
import { LanguageError } from "../errors/index.ts";
import { Duration } from "../time/duration.ts";
import { Moment } from "../time/moment.ts";
import type { Zone } from "../time/zone.ts";

/** Element types that a list can have in the reference; they matter for type names and for exact equality. */
export type ListType = "any" | "string" | "int" | "pairs" | "bytes";

/** A list; `isNil` marks Go's nil slice, which is empty and equals nil. */
export class List {
  readonly type: ListType;
  readonly isNil: boolean;
  readonly #items: readonly Value[];

  constructor(items: readonly Value[], type: ListType = "any", isNil = false) {
    this.#items = items;
    this.type = type;
    this.isNil = isNil;
  }

  /** All of them; `length`, `at` and `slice` cost less for a list that does not have them all at hand. */
  get items(): readonly Value[] {
    return this.#items;
  }

  get length(): number {
    return this.#items.length;
  }

  /** The element at a place from 0; undefined where there is none. */
  at(index: number): Value | undefined {
    return this.#items[index];
  }

  slice(from: number, to: number): readonly Value[] {
    return this.#items.slice(from, to);
  }
}

/** A list in the making. */
class GrowingList extends List {
  readonly growing: Value[];

  constructor(items: Value[]) {
    super(items);
    this.growing = items;
  }
}

/** What `toPairs` makes: an array of two, which never equals a list. */
export class Pair {
  readonly items: readonly [Value, Value];

  constructor(key: Value, value: Value) {
    this.items = [key, value];
  }
}

/** A map with untyped keys, as `groupBy` and `fromPairs` make it. */
export class AnyMap {
  readonly entries = new Map<unknown, { readonly key: Value; value: Value }>();
  /** The reference's name of the type, shown in messages. */
  readonly typeName: string;

  constructor(typeName: string) {
    this.typeName = typeName;
  }

  get(key: Value): Value | undefined {
    if (this.entries.size === 0 && !isHashable(key))
      throw runError(`hash of unhashable type: ${typeName(key)}`);
    return this.entries.get(hashKey(key))?.value;
  }

  set(key: Value, value: Value): void {
    this.entries.set(hashKey(key), { key, value });
  }

  /** Adds to the list under a key. */
  append(key: Value, item: Value): void {
    const list = this.get(key);
    if (list instanceof GrowingList) list.growing.push(item);
    else this.set(key, new GrowingList([item]));
  }
}

/** HTTP headers: names in the case they came in, several values each. */
export class Header {
  readonly entries: ReadonlyMap<string, List>;

  constructor(entries: ReadonlyMap<string, List>) {
    this.entries = entries;
  }
}

/** An integer of another Go type than int: a byte, a count of seconds since 1970, a month or a weekday. */
export class NamedInt {
  readonly type: "uint8" | "int64" | "time.Month" | "time.Weekday";
  readonly value: bigint;

  constructor(type: NamedInt["type"], value: bigint) {
    this.type = type;
    this.value = value;
  }
}

/** A time zone as a value. */
export class Location {
  readonly zone: Zone;

  constructor(zone: Zone) {
    this.zone = zone;
  }
}

/** A method that was taken from its value but not called. */
export class Func {
  /** Go's name of the type, such as `func() int`. */
  readonly typeName: string;
  /** `isTyped`: the compiler knew the method, so that arguments are converted and not passed by reflection. */
  readonly call: (args: readonly Value[], isTyped: boolean) => Value;

  constructor(typeName: string, call: (args: readonly Value[], isTyped: boolean) => Value) {
    this.typeName = typeName;
    this.call = call;
  }
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | List
  | Pair
  | Map<string, Value>
  | AnyMap
  | Header
  | Moment
  | Duration
  | NamedInt
  | Location
  | Func;

/** The nil list of any element type. */
export const nilList = new List([], "any", true);

/** Go's name of a value's type, as in messages; nil is `<nil>`. */
export function typeName(value: Value): string {
  if (value === null) return "<nil>";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float64";
  if (typeof value === "string") return "string";
  if (value instanceof List) return listTypes[value.type];
  if (value instanceof Map) return "map[string]interface {}";
  if (value instanceof Uint8Array) return "[]uint8";
  if (value instanceof Pair) return "[2]interface {}";
  if (value instanceof AnyMap) return value.typeName;
  if (value instanceof Header) return "http.Header";
  if (value instanceof Moment) return "time.Time";
  if (value instanceof Duration) return "time.Duration";
  if (value instanceof Location) return "*time.Location";
  if (value instanceof NamedInt) return value.type;
  return value.typeName;
}

const listTypes: Readonly<Record<ListType, string>> = {
  any: "[]interface {}",
  string: "[]string",
  int: "[]int",
  pairs: "[][2]interface {}",
  // Only the nil one; other bytes are no List.
  bytes: "[]uint8",
};

/** Go's reflect.Kind of a value, as some messages show it. */
export function kindName(value: Value): string {
  if (value === null) return "invalid";
  if (value instanceof List || value instanceof Uint8Array) return "slice";
  if (value instanceof Pair) return "array";
  if (isMapValue(value)) return "map";
  if (value instanceof Moment) return "struct";
  if (value instanceof Duration) return "int64";
  if (value instanceof Location) return "ptr";
  if (value instanceof NamedInt) return value.type.startsWith("time.") ? "int" : value.type;
  return value instanceof Func ? "func" : typeName(value);
}

/** nil or a nil list. */
export function isNil(value: Value): boolean {
  return value === null || (value instanceof List && value.isNil);
}

export function isMapValue(value: Value): value is Map<string, Value> | AnyMap | Header {
  return value instanceof Map || value instanceof AnyMap || value instanceof Header;
}

/** The elements of a list, pair or byte list; undefined for anything else. */
export function elementsOf(value: Value): readonly Value[] | undefined {
  if (value instanceof List || value instanceof Pair) return value.items;
  if (value instanceof Uint8Array) return Array.from(value, (byte) => new NamedInt("uint8", BigInt(byte)));
  return undefined;
}

/** How many elements it has, without making them; undefined for what has none. */
export function countOf(value: Value): number | undefined {
  if (value instanceof List || value instanceof Uint8Array) return value.length;
  return value instanceof Pair ? value.items.length : undefined;
}

/** A run error of the expression. The evaluator adds the place. */
export function runError(message: string): LanguageError {
  return new LanguageError("evaluation", message);
}

/** Two keys are the same map key when their hashes are identical. */
function hashKey(key: Value): unknown {
  if (key === null || typeof key !== "object") return key;
  if (key instanceof Moment) return `time:${key.unixNano}:${key.zone.name}`;
  if (key instanceof Duration) return `duration:${key.nanoseconds}`;
  if (key instanceof NamedInt) return `${key.type}:${key.value}`;
  if (key instanceof Location) return key.zone;
  if (key instanceof Pair)
    return `pair:${key.items.map((item) => `${typeName(item)}:${String(hashKey(item))}`)}`;
  throw runError(`runtime error: hash of unhashable type ${typeName(key)}`);
}

/** Lists and maps cannot be keys. */
function isHashable(key: Value): boolean {
  return !(key instanceof List || key instanceof Uint8Array || isMapValue(key));
}
