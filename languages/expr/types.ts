/** Static types: what the checker knows before anything runs (contract expressions.md 1.4). */
import { Duration } from "../time/duration.ts";
import { Moment } from "../time/moment.ts";
import { AnyMap, Header, List, Location, NamedInt, typeName, type Value } from "./values.ts";

/** Go's kinds, as far as they occur. */
export type Kind =
  | "interface"
  | "invalid"
  | "bool"
  | "int"
  | "uint8"
  | "int64"
  | "float64"
  | "string"
  | "slice"
  | "array"
  | "map"
  | "struct"
  | "ptr"
  | "func";

export interface Type {
  /** Go's name, as in messages. */
  readonly name: string;
  readonly kind: Kind;
  /** Of lists and maps. */
  readonly element?: Type;
  /** Of maps. */
  readonly key?: Type;
  /** Of methods. */
  readonly signature?: Signature;
}

export interface Signature {
  readonly parameters: readonly Type[];
  readonly results: readonly Type[];
}

/** What nothing is known of. */
export const UNKNOWN: Type = { name: "unknown", kind: "invalid" };
/** What is stated to be anything, such as the members of a map. Not much more is known of it. */
export const ANY: Type = { name: "interface {}", kind: "interface" };
export const NIL: Type = { name: "unknown", kind: "invalid" };
export const BOOL: Type = { name: "bool", kind: "bool" };
export const INT: Type = { name: "int", kind: "int" };
export const UINT8: Type = { name: "uint8", kind: "uint8" };
export const INT64: Type = { name: "int64", kind: "int64" };
export const FLOAT: Type = { name: "float64", kind: "float64" };
export const STRING: Type = { name: "string", kind: "string" };
export const TIME: Type = { name: "time.Time", kind: "struct" };
export const DURATION: Type = { name: "time.Duration", kind: "int64" };
export const MONTH: Type = { name: "time.Month", kind: "int" };
export const WEEKDAY: Type = { name: "time.Weekday", kind: "int" };
export const LOCATION: Type = { name: "*time.Location", kind: "ptr" };
export const BYTES: Type = { name: "[]uint8", kind: "slice", element: UINT8 };
export const LIST: Type = { name: "[]interface {}", kind: "slice", element: ANY };
export const STRINGS: Type = { name: "[]string", kind: "slice", element: STRING };
export const INTS: Type = { name: "[]int", kind: "slice", element: INT };
export const FLOATS: Type = { name: "[]float64", kind: "slice", element: FLOAT };
export const PAIR: Type = { name: "[2]interface {}", kind: "array", element: ANY };
export const MAP: Type = { name: "map[string]interface {}", kind: "map", key: STRING, element: ANY };
export const HEADER: Type = { name: "http.Header", kind: "map", key: STRING, element: STRINGS };
export const GROUPS: Type = {
  name: "map[interface {}][]interface {}",
  kind: "map",
  key: ANY,
  element: LIST,
};
export const ANY_MAP: Type = {
  name: "map[interface {}]interface {}",
  kind: "map",
  key: ANY,
  element: ANY,
};
/** A builtin's name without a call. */
export const BUILTIN_NAME: Type = { name: "func(...interface {}) (interface {}, error)", kind: "func" };

/** A list whose elements are known, although Go's type does not say so. */
export function listOf(element: Type): Type {
  return { name: LIST.name, kind: "slice", element };
}

/** The type of an environment value. */
export function typeOfValue(value: Value): Type {
  if (value === null) return NIL;
  if (typeof value === "boolean") return BOOL;
  if (typeof value === "bigint") return INT;
  if (typeof value === "number") return FLOAT;
  if (typeof value === "string") return STRING;
  if (value instanceof Uint8Array) return BYTES;
  if (value instanceof List) {
    if (value.type === "string") return STRINGS;
    if (value.type === "bytes") return BYTES;
    if (value.type === "int") return INTS;
    return value.type === "pairs" ? { name: typeName(value), kind: "slice", element: PAIR } : LIST;
  }
  if (value instanceof Map) return MAP;
  if (value instanceof Header) return HEADER;
  if (value instanceof AnyMap) return value.typeName === GROUPS.name ? GROUPS : ANY_MAP;
  if (value instanceof Moment) return TIME;
  if (value instanceof Duration) return DURATION;
  if (value instanceof Location) return LOCATION;
  if (value instanceof NamedInt) return NAMED_INTS[value.type];
  return UNKNOWN;
}

const NAMED_INTS: Readonly<Record<NamedInt["type"], Type>> = {
  uint8: UINT8,
  int64: INT64,
  "time.Month": MONTH,
  "time.Weekday": WEEKDAY,
};

export function isUnknown(type: Type): boolean {
  return type === UNKNOWN || type.kind === "interface";
}

export function isNilType(type: Type): boolean {
  return type === NIL;
}

/** A type as Go's formatter shows a missing one, in the messages of some builtins. */
export function formattedType(type: Type): string {
  return isNilType(type) ? "%!s(<nil>)" : type.name;
}

export function isInteger(type: Type): boolean {
  return type === INT || type === UINT8 || type === INT64;
}

export function isNumber(type: Type): boolean {
  return isInteger(type) || type === FLOAT;
}

export function isString(type: Type): boolean {
  return type === STRING;
}

export function isBool(type: Type): boolean {
  return type === BOOL;
}

export function isTime(type: Type): boolean {
  return type === TIME;
}

export function isDuration(type: Type): boolean {
  return type === DURATION;
}

export function isList(type: Type): boolean {
  return type.kind === "slice" || type.kind === "array";
}

export function isComparable(left: Type, right: Type): boolean {
  if (isUnknown(left) || isUnknown(right) || isNilType(left) || isNilType(right)) return true;
  if (isNumber(left) && isNumber(right)) return true;
  return left.name === right.name || (isList(left) && isList(right));
}

/** Whether a value of type `from` may be given where `to` is wanted. */
export function isAssignable(from: Type, to: Type): boolean {
  if (isNilType(from)) return ["slice", "map", "ptr", "func", "interface"].includes(to.kind);
  if (from === UNKNOWN || to.kind === "invalid") return false;
  return to.kind === "interface" || from.name === to.name;
}

/** The element type of a list or map; unknown for anything else. */
export function elementOf(type: Type): Type {
  return type.element ?? UNKNOWN;
}
