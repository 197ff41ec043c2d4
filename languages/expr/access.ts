/** Members, elements, slices and membership (docs/contract/expressions.md#1.5.4 and #1.6). */
import { byteLength, bytesOf, sliceBytes } from "../text/byte-text.ts";
import { displayText } from "./display.ts";
import { equal } from "./equality.ts";
import { methodOf } from "./methods.ts";
import { noValues } from "./methods-header.ts";
import { toInteger } from "./operators.ts";
import {
  AnyMap,
  countOf,
  elementsOf,
  Header,
  List,
  NamedInt,
  nilList,
  runError,
  typeName,
  type Value,
} from "./values.ts";

/** `object.property` or `object[property]`. Throws for a place that does not exist. */
export function fetch(object: Value, property: Value): Value {
  if (object instanceof Map) return object.get(mapKey(property)) ?? null;
  if (typeof property === "string") {
    const method = methodOf(object, property);
    if (method !== undefined) return method;
  }
  if (typeof object === "string") return element(bytesOf(object), property);
  const items = object instanceof Uint8Array || object instanceof List ? object : elementsOf(object);
  if (items !== undefined) return element(items, property);
  if (object instanceof Header) return object.entries.get(mapKey(property)) ?? noValues;
  if (object instanceof AnyMap) {
    return object.get(property) ?? (object.typeName.endsWith("[]interface {}") ? nilList : null);
  }
  throw runError(`cannot fetch ${displayText(property)} from ${typeName(object)}`);
}

/** Like {@link fetch}, but nil where nothing is; an index or key of the wrong type still fails. */
export function getOrNil(object: Value, property: Value): Value {
  if (object instanceof AnyMap) return object.get(property) ?? null;
  if (object instanceof Map || object instanceof Header)
    return isIn(property, object) ? fetch(object, property) : null;
  if (typeof property === "string") {
    const method = methodOf(object, property);
    if (method !== undefined) return method;
  }
  const size = countOf(object) ?? (typeof object === "string" ? byteLength(object) : undefined);
  if (size === undefined) return null;
  const index = Number(toInteger(property));
  const position = index < 0 ? index + size : index;
  return position < 0 || position >= size ? null : fetch(object, property);
}

/** `object[from:to]`; bounds count from the end when negative and are clamped. */
export function slice(object: Value, from: Value, to: Value): Value {
  if (typeof object !== "string" && countOf(object) === undefined) {
    throw runError(`cannot slice ${displayText(from)}`);
  }
  const size = lengthOf(object);
  const start = bound(from, size);
  const end = bound(to, size);
  const first = Math.min(start, end);
  if (typeof object === "string") return sliceBytes(object, first, end);
  if (object instanceof Uint8Array) return object.subarray(first, end);
  if (object instanceof List) return new List(object.slice(first, end), object.type, object.isNil);
  return new List((elementsOf(object) ?? []).slice(first, end));
}

/** The length in bytes, elements or members. Throws for what has none. */
export function lengthOf(value: Value): number {
  if (typeof value === "string") return byteLength(value);
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Map) return value.size;
  if (value instanceof AnyMap || value instanceof Header) return value.entries.size;
  const count = countOf(value);
  if (count === undefined) throw runError(`invalid argument for len (type ${typeName(value)})`);
  return count;
}

/** `needle in haystack`. */
export function isIn(needle: Value, haystack: Value): boolean {
  if (haystack === null) return false;
  if (haystack instanceof Map) return haystack.has(mapKey(needle));
  if (haystack instanceof Header) return haystack.entries.has(mapKey(needle));
  if (haystack instanceof AnyMap) return haystack.get(needle) !== undefined;
  const items = elementsOf(haystack);
  if (items === undefined) throw runError(`operator "in" not defined on ${typeName(haystack)}`);
  return items.some((item) => equal(item, needle));
}

/** Whether a value is one of the keys of a lookup, which are all strings or all ints; nil means the zero one. */
export function isKeyOf(key: Value, keys: Value): boolean {
  const items = keys instanceof List ? keys.items : [];
  return items.includes(typeof items[0] === "bigint" ? intKey(key) : mapKey(key));
}

/** The key of a map with string keys; nil reads the empty one. */
export function mapKey(key: Value): string {
  if (typeof key === "string") return key;
  if (key === null) return "";
  throw wrongKey(key, "string");
}

function intKey(key: Value): bigint {
  if (typeof key === "bigint") return key;
  if (key === null) return 0n;
  throw wrongKey(key, "int");
}

function wrongKey(key: Value, wanted: string): Error {
  return runError(
    `reflect.Value.MapIndex: value of type ${typeName(key)} is not assignable to type ${wanted}`,
  );
}

function element(items: List | readonly Value[] | Uint8Array, property: Value): Value {
  const index = toInteger(property);
  const position = index < 0n ? index + BigInt(items.length) : index;
  if (position < 0n || position >= items.length) {
    throw runError(`index out of range: ${position} (array length is ${items.length})`);
  }
  const item = items.at(Number(position)) ?? null;
  return items instanceof Uint8Array ? new NamedInt("uint8", BigInt(Number(item))) : item;
}

function bound(value: Value, size: number): number {
  const index = Number(toInteger(value));
  return Math.min(Math.max(index < 0 ? index + size : index, 0), size);
}
