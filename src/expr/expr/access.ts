/** Members, elements, slices and membership (contract expressions.md 1.5.4 and 1.6). */
import { byteLength, bytesOf, sliceBytes } from "../text/byte-text.ts";
import { displayText } from "./display.ts";
import { equal } from "./equality.ts";
import { methodOf } from "./methods.ts";
import { NO_VALUES } from "./methods-header.ts";
import { toInteger } from "./operators.ts";
import {
  AnyMap,
  elementsOf,
  Header,
  List,
  NamedInt,
  NIL_LIST,
  Pair,
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
  const items = object instanceof Uint8Array ? object : elementsOf(object);
  if (items !== undefined) return element(items, property);
  if (object instanceof Header) return object.entries.get(mapKey(property)) ?? NO_VALUES;
  if (object instanceof AnyMap) {
    return object.get(property) ?? (object.typeName.endsWith("[]interface {}") ? NIL_LIST : null);
  }
  throw runError(`cannot fetch ${displayText(property)} from ${typeName(object)}`);
}

/** Like {@link fetch}, but nil where nothing is; a property of the wrong type still fails. */
export function getOrNil(object: Value, property: Value): Value {
  if (object === null) return null;
  const size = elementsOf(object)?.length ?? (typeof object === "string" ? byteLength(object) : undefined);
  if (size === undefined) return fetch(object, property);
  const index = Number(toInteger(property));
  const position = index < 0 ? index + size : index;
  return position < 0 || position >= size ? null : fetch(object, property);
}

/** `object[from:to]`; bounds count from the end when negative and are clamped. */
export function slice(object: Value, from: Value | undefined, to: Value | undefined): Value {
  const size =
    typeof object === "string"
      ? byteLength(object)
      : (object instanceof Uint8Array ? object : elementsOf(object))?.length;
  if (size === undefined) throw runError(`cannot slice ${typeName(object)}`);
  const end = bound(to, size, size);
  const start = Math.min(bound(from, size, 0), end);
  if (typeof object === "string") return sliceBytes(object, start, end);
  if (object instanceof Uint8Array) return object.subarray(start, end);
  if (object instanceof List) return new List(object.items.slice(start, end), object.type, object.isNil);
  return new List((elementsOf(object) ?? []).slice(start, end));
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

/** The key of a map with string keys; nil reads the empty one. */
export function mapKey(key: Value): string {
  if (typeof key === "string") return key;
  if (key === null) return "";
  throw runError(`reflect.Value.MapIndex: value of type ${typeName(key)} is not assignable to type string`);
}

/** The elements that a loop visits: those of a list, or the bytes of text. Throws for anything else. */
export function iterable(value: Value): readonly Value[] {
  if (value instanceof List || value instanceof Pair) return value.items;
  if (value instanceof Uint8Array || typeof value === "string") {
    const bytes = typeof value === "string" ? bytesOf(value) : value;
    return elementsOf(bytes) ?? [];
  }
  if (value === null) throw runError("reflect: call of reflect.Value.Len on zero Value");
  const size =
    value instanceof Map
      ? value.size
      : value instanceof AnyMap || value instanceof Header
        ? value.entries.size
        : -1;
  if (size === 0) return [];
  if (size > 0) throw runError("reflect: call of reflect.Value.Index on map Value");
  throw runError(`reflect: call of reflect.Value.Len on ${typeName(value)} Value`);
}

function element(items: ArrayLike<Value>, property: Value): Value {
  const index = Number(toInteger(property));
  const position = index < 0 ? index + items.length : index;
  if (position < 0 || position >= items.length) {
    throw runError(`index out of range: ${position} (array length is ${items.length})`);
  }
  const item = items[position] ?? null;
  return items instanceof Uint8Array ? new NamedInt("uint8", BigInt(Number(item))) : item;
}

function bound(value: Value | undefined, size: number, otherwise: number): number {
  if (value === undefined) return otherwise;
  const index = Number(toInteger(value));
  return Math.min(Math.max(index < 0 ? index + size : index, 0), size);
}
