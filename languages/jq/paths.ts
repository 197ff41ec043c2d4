/** Access by path, and changing values at paths. */
import type { Budget } from "../budget.ts";
import {
  compare,
  describe,
  isArray,
  isNumber,
  isObject,
  JqError,
  type JqObject,
  type JqValue,
  preview,
  sortedKeys,
} from "./values.ts";

/** Largest index that an assignment may reach. */
const indexMax = 0x2000_0000;

/** `.[index]`. */
export function indexValue(value: JqValue, index: JqValue): JqValue {
  if (typeof index === "string") {
    if (value === null) return null;
    if (isObject(value)) return value.get(index) ?? null;
    throw new JqError(`expected an object but got: ${describe(value)}`);
  }
  if (isNumber(index)) {
    if (value === null) return null;
    const at = Math.trunc(Number(index));
    if (typeof value === "string") return Array.from(value).at(at) ?? null;
    if (isArray(value)) return Number.isNaN(at) ? null : (value[at < 0 ? at + value.length : at] ?? null);
    throw new JqError(`expected an array but got: ${describe(value)}`);
  }
  if (isArray(index)) {
    if (value === null) return null;
    if (isArray(value)) return indicesOf(value, index);
    throw new JqError(`expected an array but got: ${describe(value)}`);
  }
  if (isObject(index)) {
    if (value === null) return null;
    const start = index.get("start");
    const end = index.get("end");
    if (start !== undefined && end !== undefined) return sliceValue(value, start, end);
    throw new JqError(`expected "start" and "end" for slicing but got: ${describe(index)}`);
  }
  const wanted = isArray(value)
    ? "a number for indexing an array"
    : typeof value === "string"
      ? "a number for indexing a string"
      : "a string for object key";
  throw new JqError(`expected ${wanted} but got: ${describe(index)}`);
}

/** `.[from:to]`. */
export function sliceValue(value: JqValue, from: JqValue, to: JqValue): JqValue {
  if (value === null) return null;
  if (typeof value === "string") {
    const chars = Array.from(value);
    const [start, end] = sliceBounds(chars.length, from, to);
    return chars.slice(start, end).join("");
  }
  if (!isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
  const [start, end] = sliceBounds(value.length, from, to);
  return value.slice(start, end);
}

function sliceBounds(length: number, from: JqValue, to: JqValue): readonly [number, number] {
  const start = bound(length, from, 0, Math.floor);
  return [start, Math.max(start, bound(length, to, length, Math.ceil))];
}

function bound(length: number, value: JqValue, otherwise: number, round: (value: number) => number): number {
  if (value === null) return otherwise;
  if (!isNumber(value))
    throw new JqError(`expected a number for slicing an array but got: ${describe(value)}`);
  const at = round(Number(value));
  return Math.min(Math.max(at < 0 ? at + length : at || 0, 0), length);
}

/** Where an array occurs in another. */
export function indicesOf(value: readonly JqValue[], part: readonly JqValue[]): JqValue {
  if (part.length === 0) return null;
  const found: JqValue[] = [];
  for (let i = 0; i + part.length <= value.length; i++) {
    if (part.every((item, k) => compare(item, value[i + k] ?? null) === 0)) found.push(BigInt(i));
  }
  return found;
}

/** Keys with values, in order; throws for what cannot be iterated. */
export function entriesOf(value: JqValue): readonly (readonly [JqValue, JqValue])[] {
  if (isArray(value)) return value.map((item, i) => [BigInt(i), item]);
  if (isObject(value)) return sortedKeys(value).map((key) => [key, value.get(key) ?? null]);
  throw new JqError(`cannot iterate over: ${describe(value)}`);
}

export function getPath(value: JqValue, path: JqValue): JqValue {
  if (!isArray(path)) throw new JqError(`getpath(${preview(path)}) cannot be applied to: ${describe(value)}`);
  let at = value;
  for (const key of path) {
    if (at === null) return null;
    try {
      at = indexValue(at, key);
    } catch (error) {
      if (!(error instanceof JqError)) throw error;
      const about = `getpath(${preview(path)}) cannot be applied to ${preview(value)}`;
      throw new JqError(`${about}: ${error.message}`);
    }
  }
  return at;
}

/** A copy with the value at the path replaced by what `change` makes of it. */
export function updatePath(
  value: JqValue,
  path: readonly JqValue[],
  change: (old: JqValue) => JqValue,
  budget: Budget,
  from = 0,
): JqValue {
  budget.step();
  const key = path[from];
  if (key === undefined) return change(value);
  const inner = (old: JqValue): JqValue => updatePath(old, path, change, budget, from + 1);
  if (typeof key === "string") {
    if (value !== null && !isObject(value))
      throw new JqError(`expected an object but got: ${describe(value)}`);
    return new Map(value ?? []).set(key, inner(value?.get(key) ?? null));
  }
  if (isNumber(key)) return updateIndex(value, Math.trunc(Number(key)), inner, budget);
  if (isObject(key)) return updateSlice(value, key, inner);
  throw new JqError(`expected a string or a number for a path but got: ${describe(key)}`);
}

function updateIndex(
  value: JqValue,
  index: number,
  inner: (old: JqValue) => JqValue,
  budget: Budget,
): JqValue {
  if (value !== null && !isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
  const items = [...(value ?? [])];
  const at = index < 0 ? index + items.length : index;
  if (at < 0) throw new JqError(`array index should not be negative: ${index}`);
  if (at >= indexMax) throw new JqError(`array index too large: ${index}`);
  budget.chargeValues(Math.max(0, at - items.length));
  const updated = inner(items[at] ?? null);
  while (items.length < at) items.push(null);
  items[at] = updated;
  return items;
}

function updateSlice(value: JqValue, range: JqObject, inner: (old: JqValue) => JqValue): JqValue {
  if (value !== null && !isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
  const items = value ?? [];
  const [start, end] = sliceBounds(items.length, range.get("start") ?? null, range.get("end") ?? null);
  const updated = inner(value === null ? null : items.slice(start, end));
  if (!isArray(updated)) throw new JqError(`expected an array but got: ${describe(updated)}`);
  return [...items.slice(0, start), ...updated, ...items.slice(end)];
}

/** A copy without what is at the paths. */
export function deletePaths(value: JqValue, paths: readonly JqValue[], budget: Budget): JqValue {
  const sorted = paths.toSorted(compare).reverse();
  return sorted.reduce((rest: JqValue, path) => {
    if (!isArray(path)) throw new JqError(`expected an array for a path but got: ${describe(path)}`);
    return deletePath(rest, path, budget);
  }, value);
}

function deletePath(value: JqValue, path: readonly JqValue[], budget: Budget): JqValue {
  const key = path.at(-1);
  if (key === undefined) return null;
  const parent = path.slice(0, -1);
  if (getPath(value, parent) === null) return value;
  return updatePath(value, parent, (container) => deleteKey(container, key), budget);
}

function deleteKey(value: JqValue, key: JqValue): JqValue {
  if (value === null) return null;
  if (typeof key === "string") {
    if (!isObject(value)) throw new JqError(`expected an object but got: ${describe(value)}`);
    const copy = new Map(value);
    copy.delete(key);
    return copy;
  }
  if (!isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
  if (isNumber(key)) {
    const index = Math.trunc(Number(key));
    const at = index < 0 ? index + value.length : index;
    return value.filter((_, i) => i !== at);
  }
  if (!isObject(key)) throw new JqError(`expected a number for a path but got: ${describe(key)}`);
  const [start, end] = sliceBounds(value.length, key.get("start") ?? null, key.get("end") ?? null);
  return [...value.slice(0, start), ...value.slice(end)];
}
