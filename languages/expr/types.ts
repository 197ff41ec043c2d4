/** Static types: what the checker knows before anything runs (docs/contract/expressions.md#1.4). */
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
export const unknownType: Type = { name: "unknown", kind: "invalid" };
/** What is stated to be anything, such as the members of a map. Not much more is known of it. */
export const anyType: Type = { name: "interface {}", kind: "interface" };
export const nilType: Type = { name: "unknown", kind: "invalid" };
export const boolType: Type = { name: "bool", kind: "bool" };
export const intType: Type = { name: "int", kind: "int" };
export const uint8Type: Type = { name: "uint8", kind: "uint8" };
export const int64Type: Type = { name: "int64", kind: "int64" };
export const floatType: Type = { name: "float64", kind: "float64" };
export const stringType: Type = { name: "string", kind: "string" };
export const timeType: Type = { name: "time.Time", kind: "struct" };
export const durationType: Type = { name: "time.Duration", kind: "int64" };
export const monthType: Type = { name: "time.Month", kind: "int" };
export const weekdayType: Type = { name: "time.Weekday", kind: "int" };
export const locationType: Type = { name: "*time.Location", kind: "ptr" };
export const bytesType: Type = { name: "[]uint8", kind: "slice", element: uint8Type };
export const listType: Type = { name: "[]interface {}", kind: "slice", element: anyType };
export const stringsType: Type = { name: "[]string", kind: "slice", element: stringType };
export const intsType: Type = { name: "[]int", kind: "slice", element: intType };
export const floatsType: Type = { name: "[]float64", kind: "slice", element: floatType };
export const pairType: Type = { name: "[2]interface {}", kind: "array", element: anyType };
export const mapType: Type = {
  name: "map[string]interface {}",
  kind: "map",
  key: stringType,
  element: anyType,
};
export const headerType: Type = { name: "http.Header", kind: "map", key: stringType, element: stringsType };
export const groupsType: Type = {
  name: "map[interface {}][]interface {}",
  kind: "map",
  key: anyType,
  element: listType,
};
export const anyMapType: Type = {
  name: "map[interface {}]interface {}",
  kind: "map",
  key: anyType,
  element: anyType,
};
/** A builtin's name without a call. */
export const builtinNameType: Type = { name: "func(...interface {}) (interface {}, error)", kind: "func" };

/** A list whose elements are known, although Go's type does not say so. */
export function listOf(element: Type): Type {
  return { name: listType.name, kind: "slice", element };
}

/** The type of an environment value. */
export function typeOfValue(value: Value): Type {
  if (value === null) return nilType;
  if (typeof value === "boolean") return boolType;
  if (typeof value === "bigint") return intType;
  if (typeof value === "number") return floatType;
  if (typeof value === "string") return stringType;
  if (value instanceof Uint8Array) return bytesType;
  if (value instanceof List) {
    if (value.type === "string") return stringsType;
    if (value.type === "bytes") return bytesType;
    if (value.type === "int") return intsType;
    return value.type === "pairs" ? { name: typeName(value), kind: "slice", element: pairType } : listType;
  }
  if (value instanceof Map) return mapType;
  if (value instanceof Header) return headerType;
  if (value instanceof AnyMap) return value.typeName === groupsType.name ? groupsType : anyMapType;
  if (value instanceof Moment) return timeType;
  if (value instanceof Duration) return durationType;
  if (value instanceof Location) return locationType;
  if (value instanceof NamedInt) return namedInts[value.type];
  return unknownType;
}

const namedInts: Readonly<Record<NamedInt["type"], Type>> = {
  uint8: uint8Type,
  int64: int64Type,
  "time.Month": monthType,
  "time.Weekday": weekdayType,
};

export function isUnknown(type: Type): boolean {
  return type === unknownType || type.kind === "interface";
}

export function isNilType(type: Type): boolean {
  return type === nilType;
}

/** A type as Go's formatter shows a missing one, in the messages of some builtins. */
export function formattedType(type: Type): string {
  return isNilType(type) ? "%!s(<nil>)" : type.name;
}

export function isInteger(type: Type): boolean {
  return type === intType || type === uint8Type || type === int64Type;
}

export function isNumber(type: Type): boolean {
  return isInteger(type) || type === floatType;
}

export function isString(type: Type): boolean {
  return type === stringType;
}

export function isBool(type: Type): boolean {
  return type === boolType;
}

export function isTime(type: Type): boolean {
  return type === timeType;
}

export function isDuration(type: Type): boolean {
  return type === durationType;
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
  if (from === unknownType || to.kind === "invalid") return false;
  return to.kind === "interface" || from.name === to.name;
}

/** The element type of a list or map; unknown for anything else. */
export function elementOf(type: Type): Type {
  return type.element ?? unknownType;
}
