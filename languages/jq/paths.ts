/** Access by path, and changing values at paths. */
import type { Budget } from "../budget.ts";
import { notApplicable, within } from "./problems.ts";
import {
  compare,
  describe,
  encode,
  isArray,
  isNumber,
  isObject,
  JqError,
  type JqObject,
  type JqValue,
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
    if (typeof value === "string") return Number.isNaN(at) ? null : (Array.from(value).at(at) ?? null);
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
    const [start, end] = sliceBounds(chars.length, from, to, "indexing a string");
    return chars.slice(start, end).join("");
  }
  if (!isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
  const [start, end] = sliceBounds(value.length, from, to);
  return value.slice(start, end);
}

function sliceBounds(
  length: number,
  from: JqValue,
  to: JqValue,
  purpose = "indexing an array",
): readonly [number, number] {
  for (const value of [to, from]) {
    if (value !== null && !isNumber(value))
      throw new JqError(`expected a number for ${purpose} but got: ${describe(value)}`);
  }
  const start = bound(length, from, 0, Math.floor);
  return [start, Math.max(start, bound(length, to, length, Math.ceil))];
}

function bound(length: number, value: JqValue, otherwise: number, round: (value: number) => number): number {
  if (value === null) return otherwise;
  const at = round(Number(value));
  return Math.min(Math.max(at < 0 ? at + length : at || 0, 0), length);
}

/** Where an array occurs in another. */
export function indicesOf(value: readonly JqValue[], part: readonly JqValue[]): JqValue {
  const found: JqValue[] = [];
  for (let i = 0; part.length > 0 && i + part.length <= value.length; i++) {
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
  if (!isArray(path)) throw notApplicable("getpath", value, path);
  let at = value;
  for (const key of path) {
    if (at !== null && !isArray(at) && !isObject(at)) throw notApplicable("getpath", value, path);
    const container = at;
    at = within("getpath", value, [path], () => indexValue(container, key));
  }
  return at;
}

/** What is set at a path, and what was copied for it so far. */
export interface Setting {
  readonly path: readonly JqValue[];
  readonly replacement: JqValue;
  readonly budget: Budget;
  /** Containers that nobody else has seen: they are changed, where others are copied. */
  readonly fresh: Set<JqValue>;
}

/** A copy with the value at the path replaced. */
function updatePath(value: JqValue, setting: Setting, from = 0): JqValue {
  setting.budget.step();
  const key = setting.path[from];
  if (key === undefined) return setting.replacement;
  const inner = (old: JqValue): JqValue => updatePath(old, setting, from + 1);
  if (typeof key === "string") {
    if (value !== null && !isObject(value))
      throw new JqError(`expected an object but got: ${describe(value)}`);
    const members = ownCopy(value, setting.fresh, () => new Map(value ?? []));
    return members.set(key, inner(value?.get(key) ?? null));
  }
  if (isNumber(key)) return updateIndex(value, Math.trunc(Number(key)), inner, setting);
  if (isObject(key)) return updateSlice(value, key, inner, setting);
  throw wrongKey(value, key);
}

/** The container itself where it is ours already, otherwise a copy that is from now on. */
function ownCopy<T extends JqValue>(value: JqValue, fresh: Set<JqValue>, copy: () => T): T {
  if (fresh.has(value)) return value as T;
  const made = copy();
  fresh.add(made);
  return made;
}

function updateIndex(
  value: JqValue,
  index: number,
  inner: (old: JqValue) => JqValue,
  { budget, fresh }: Setting,
): JqValue {
  if (value !== null && !isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
  const length = value?.length ?? 0;
  const at = index < 0 ? index + length : index;
  if (!(at >= 0)) {
    const shown = Number.isNaN(index) ? -(2n ** 63n) : index;
    throw new JqError(`array index should not be negative: ${encode(shown)}`);
  }
  if (at >= indexMax) throw new JqError(`array index too large: ${index}`);
  budget.chargeValues(Math.max(0, at - length));
  const items = ownCopy(value, fresh, () => [...(value ?? [])]) as JqValue[];
  const updated = inner(items[at] ?? null);
  while (items.length < at) items.push(null);
  items[at] = updated;
  return items;
}

function updateSlice(
  value: JqValue,
  range: JqObject,
  inner: (old: JqValue) => JqValue,
  { fresh }: Setting,
): JqValue {
  const [items, start, end] = sliceOf(value, range);
  const updated = inner(value === null ? null : items.slice(start, end));
  if (!isArray(updated)) throw new JqError(`expected an array but got: ${describe(updated)}`);
  const own = ownCopy(value, fresh, () => [...items]) as JqValue[];
  const rest = updated.length === end - start ? [] : items.slice(end);
  for (const [i, item] of updated.entries()) own[start + i] = item;
  if (updated.length === end - start) return own;
  own.length = start + updated.length;
  for (const item of rest) own.push(item);
  return own;
}

/** The elements that a range is of, and its bounds. */
function sliceOf(value: JqValue, range: JqObject): readonly [readonly JqValue[], number, number] {
  if (value !== null && !isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
  const from = range.get("start");
  const to = range.get("end");
  if (from === undefined || to === undefined)
    throw new JqError(`expected "start" and "end" for slicing but got: ${describe(range)}`);
  const items = value ?? [];
  return [items, ...sliceBounds(items.length, from, to)];
}

/** A key that is none for the value, or for any. */
function wrongKey(value: JqValue, key: JqValue): JqError {
  const wanted = isArray(value) ? "a number for indexing an array" : "a string for object key";
  return new JqError(`expected ${wanted} but got: ${describe(key)}`);
}

/** `setpath(path; new)`. */
export function setPath(value: JqValue, path: JqValue, replacement: JqValue, budget: Budget): JqValue {
  if (!isArray(path)) throw notApplicable("setpath", value, path);
  return setAt(value, { path, replacement, budget, fresh: new Set() });
}

/** The same for one of several paths: what was copied for those before is not copied again. */
export function setAt(value: JqValue, setting: Setting): JqValue {
  const { path, replacement } = setting;
  return within("setpath", value, [path as JqValue, replacement], () => updatePath(value, setting));
}

/** Stands for what is to be deleted until all paths have been followed, so that none of them is shifted. */
const deleted: JqObject = new Map();

/** A copy without what is at the paths. */
export function deletePaths(value: JqValue, paths: readonly JqValue[], budget: Budget): JqValue {
  if (paths.length === 0) return value;
  return within("delpaths", value, [paths], () => {
    const marked = paths.reduce((rest: JqValue, path) => {
      if (!isArray(path)) throw new JqError(`expected an array but got: ${describe(path)}`);
      return markDeleted(rest, path, budget, 0);
    }, value);
    if (marked === deleted) return null;
    return marked === value ? value : withoutMarks(marked, budget);
  });
}

function markDeleted(value: JqValue, path: readonly JqValue[], budget: Budget, from: number): JqValue {
  budget.step();
  const key = path[from];
  if (key === undefined) return deleted;
  if (value === deleted) return value;
  const inner = (old: JqValue): JqValue => markDeleted(old, path, budget, from + 1);
  if (typeof key === "string") {
    if (value === null) return null;
    if (!isObject(value)) throw new JqError(`expected an object but got: ${describe(value)}`);
    const member = value.get(key);
    if (member === undefined) return value;
    const changed = inner(member);
    return changed === member ? value : new Map(value).set(key, changed);
  }
  if (isNumber(key)) {
    if (value === null) return null;
    if (!isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
    const index = Math.trunc(Number(key));
    const at = index < 0 ? index + value.length : index;
    return at >= 0 && at < value.length ? value.with(at, inner(value[at] ?? null)) : value;
  }
  if (!isObject(key)) throw wrongKey(value, key);
  const [items, start, end] = sliceOf(value, key);
  if (value === null) return null;
  const updated = inner(items.slice(start, end));
  const middle = updated === deleted ? items.slice(start, end).map(() => deleted) : updated;
  if (!isArray(middle)) throw new JqError(`expected an array but got: ${describe(middle)}`);
  return [...items.slice(0, start), ...middle, ...items.slice(end)];
}

function withoutMarks(value: JqValue, budget: Budget): JqValue {
  budget.step();
  if (isArray(value))
    return value.filter((item) => item !== deleted).map((item) => withoutMarks(item, budget));
  if (!isObject(value)) return value;
  const kept = [...value].filter(([, item]) => item !== deleted);
  return new Map(kept.map(([key, item]) => [key, withoutMarks(item, budget)]));
}
