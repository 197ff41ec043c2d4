/** Functions of arrays. */
import { add } from "../arithmetic.ts";
import type { NativeFunctions } from "../native.ts";
import { deletePaths, indicesOf, updatePath } from "../paths.ts";
import {
  compare,
  describe,
  isArray,
  isNumber,
  isObject,
  JqError,
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
    return values.reduce<JqValue>((sum, value) => add(sum, value, budget), null);
  },
  "reverse/0": (input) => {
    if (input === null) return [];
    if (typeof input === "string") return Array.from(input).reverse().join("");
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
    if (!isNumber(depth)) throw notApplicable("flatten", depth);
    if (depth < 0) throw new JqError("flatten depth should not be negative");
    return flatten(input, Number(depth));
  },
  "transpose/0": (input) => {
    const rows = listOf("transpose", input).map((row) => listOf("transpose", row));
    const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
    return Array.from({ length: width }, (_, i) => rows.map((row) => row[i] ?? null));
  },
  "bsearch/1": (input, [target = null]) => {
    const values = listOf("bsearch", input);
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compare(values[middle] ?? null, target);
      if (order === 0) return BigInt(middle);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return BigInt(-1 - low);
  },
  "indices/1": (input, [part = null]) => indices(input, part),
  "index/1": (input, [part = null]) => at(indices(input, part), 0),
  "rindex/1": (input, [part = null]) => at(indices(input, part), -1),
  "setpath/2": (input, [path = null, value = null], { budget }) =>
    updatePath(input, listOf("setpath", path), () => value, budget),
  "delpaths/1": (input, [paths = null], { budget }) => deletePaths(input, listOf("delpaths", paths), budget),
};

export function notApplicable(name: string, value: JqValue): JqError {
  return new JqError(`${name} cannot be applied to: ${describe(value)}`);
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
    if (!isArray(item) || depth <= 0) return [item];
    return listOf("flatten", flatten(item, depth - 1));
  });
}

function at(list: JqValue, index: number): JqValue {
  return isArray(list) ? (list.at(index) ?? null) : null;
}

/** Offsets count code points in text and elements in arrays. */
function indices(input: JqValue, part: JqValue): JqValue {
  if (input === null) return null;
  if (typeof input === "string") {
    if (typeof part !== "string") throw notApplicable("indices", part);
    if (part === "") return null;
    const found: JqValue[] = [];
    for (let i = input.indexOf(part); i >= 0; i = input.indexOf(part, i + 1)) {
      found.push(BigInt(Array.from(input.slice(0, i)).length));
    }
    return found;
  }
  return indicesOf(listOf("indices", input), isArray(part) ? part : [part]);
}
