/** Functions of arrays. */
import type { Budget } from "../../budget.ts";
import { add } from "../arithmetic.ts";
import type { NativeFunctions } from "../native.ts";
import { deletePaths, indicesOf, setPath } from "../paths.ts";
import { notApplicable } from "../problems.ts";
import {
  compare,
  encode,
  isArray,
  isNumber,
  isObject,
  JqError,
  type JqObject,
  type JqValue,
  sortedKeys,
} from "../values.ts";

export const arrayFunctions: NativeFunctions = {
  "add/0": (input, _, { budget }) => {
    const values = isObject(input) ? sortedKeys(input).map((key) => input.get(key) ?? null) : input;
    if (!isArray(values)) throw notApplicable("add", input);
    if (values.length > 0 && values.every((value) => typeof value === "string")) {
      const text = values.join("");
      budget.chargeText(text.length);
      return text;
    }
    if (values.length > 0 && values.every(isArray)) return values.flat(1);
    if (values.length > 0 && values.every(isObject)) return merged(values, budget);
    return values.reduce<JqValue>((sum, value) => add(sum, value, budget), null);
  },
  "reverse/0": (input) => {
    return listOf("reverse", input).toReversed();
  },
  "sort/0": (input) => sorted("sort", input),
  "unique/0": (input) => {
    const values = sorted("unique", input);
    return values.filter((value, i) => i === 0 || compare(value, values[i - 1] ?? null) !== 0);
  },
  "min/0": (input) => sorted("min", input)[0] ?? null,
  "max/0": (input) => sorted("max", input).at(-1) ?? null,
  "flatten/0": (input) => flatten(input, Number.POSITIVE_INFINITY),
  "flatten/1": (input, [depth = null]) => {
    if (!isArray(input) && !isObject(input)) throw notApplicable("flatten", input);
    if (!isNumber(depth)) throw notApplicable("flatten", depth);
    if (!(depth >= 0)) throw new JqError(`flatten depth should not be negative: ${encode(depth)}`);
    return flatten(input, Number(depth));
  },
  "transpose/0": (input) => {
    const rows = listOf("transpose", input).map((row) => {
      if (!isArray(row)) throw notApplicable("transpose", input);
      return row;
    });
    const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
    return Array.from({ length: width }, (_, i) => rows.map((row) => row[i] ?? null));
  },
  "bsearch/1": (input, [target = null]) => {
    if (!isArray(input)) throw notApplicable("bsearch", input, target);
    const values = input;
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(values[middle] ?? null, target) < 0) low = middle + 1;
      else high = middle;
    }
    const isFound = low < values.length && compare(values[low] ?? null, target) === 0;
    return BigInt(isFound ? low : -1 - low);
  },
  "indices/1": (input, [part = null]) => indices("indices", input, part),
  "index/1": (input, [part = null]) => at(indices("index", input, part), 0),
  "rindex/1": (input, [part = null]) => at(indices("rindex", input, part), -1),
  "setpath/2": (input, [path = null, value = null], { budget }) => setPath(input, path, value, budget),
  "delpaths/1": (input, [paths = null], { budget }) => {
    if (!isArray(paths)) throw notApplicable("delpaths", input, paths);
    return deletePaths(input, paths, budget);
  },
};

/** One object of the members of all, the last of a name kept. */
function merged(objects: readonly JqObject[], budget: Budget): JqObject {
  const members = new Map<string, JqValue>();
  for (const object of objects) {
    budget.chargeValues(object.size);
    for (const [key, value] of object) members.set(key, value);
  }
  return members;
}

function listOf(name: string, value: JqValue): readonly JqValue[] {
  if (isArray(value)) return value;
  throw notApplicable(name, value);
}

function sorted(name: string, value: JqValue): JqValue[] {
  return listOf(name, value).toSorted(compare);
}

function flatten(value: JqValue, depth: number): JqValue {
  const values = isObject(value)
    ? sortedKeys(value).map((key) => value.get(key) ?? null)
    : listOf("flatten", value);
  return values.flatMap((item): readonly JqValue[] => {
    // Counted down to zero, which a broken number never reaches.
    if (!isArray(item) || depth === 0) return [item];
    return listOf("flatten", flatten(item, depth - 1));
  });
}

function at(list: JqValue, index: number): JqValue {
  return isArray(list) ? (list.at(index) ?? null) : null;
}

/** Offsets count code points in text and elements in arrays. */
function indices(name: string, input: JqValue, part: JqValue): JqValue {
  if (input === null) return null;
  if (typeof input === "string") {
    if (typeof part !== "string") throw notApplicable(name, input, part);
    if (part === "") return [];
    const found: JqValue[] = [];
    for (let i = input.indexOf(part); i >= 0; i = input.indexOf(part, i + 1)) {
      found.push(BigInt(Array.from(input.slice(0, i)).length));
    }
    return found;
  }
  if (!isArray(input)) throw notApplicable(name, input, part);
  return indicesOf(input, isArray(part) ? part : [part]);
}
