/** Functions of lists. */
import type { Budget } from "../../budget.ts";
import { fetch, getOrNil } from "../access.ts";
import type { Refusal } from "../check-operators.ts";
import { equal } from "../equality.ts";
import { order } from "../operators.ts";
import { sortInPlace } from "../sort.ts";
import {
  anyType,
  elementOf,
  floatsType,
  formattedType,
  intsType,
  isList,
  isUnknown,
  listType,
  stringsType,
  stringType,
  type Type,
} from "../types.ts";
import {
  AnyMap,
  elementsOf,
  Header,
  kindName,
  List,
  NamedInt,
  nilList,
  runError,
  typeName,
  type Value,
} from "../values.ts";
import { argument, type Builtin, type Builtins, oneArgument, overloads, wrongCount } from "./builtin.ts";

/** In the order of the reference, which shows in messages. */
const sortRule = overloads(
  listType,
  [listType, stringType],
  [intsType, stringType],
  [floatsType, stringType],
  [stringsType, stringType],
  [listType],
  [floatsType],
  [stringsType],
  [intsType],
);

const depthMax = 10_000;

export const listBuiltins: Builtins = [
  ["first", { rule: endRule("first"), call: (args) => end(argument(args, 0), 0n) }],
  ["last", { rule: endRule("last"), call: (args) => end(argument(args, 0), -1n) }],
  // The checker has a rule of its own for get.
  ["get", { rule: () => anyType, call: (args) => getOrNil(argument(args, 0), argument(args, 1)) }],
  ["take", { rule: takeRule, call: take }],
  ["concat", { rule: concatRule, call: concat }],
  changing("flatten", flatten),
  changing("uniq", (items, budget) => unique(items, budget)),
  changing("reverse", (items, budget) => {
    budget.charge(items.length);
    return items.toReversed();
  }),
  ["sort", { rule: sortRule, call: sort }],
];

function changing(
  name: string,
  change: (items: readonly Value[], budget: Budget) => Value[],
): readonly [string, Builtin] {
  const rule = oneArgument(
    isList,
    (type) => `cannot ${name} ${formattedType(type)}`,
    () => listType,
  );
  const call = (args: readonly Value[], budget: Budget): Value => {
    const items = elementsOf(argument(args, 0));
    if (items === undefined) throw runError(`cannot ${name} ${kindName(argument(args, 0))}`);
    return new List(change(items, budget));
  };
  return [name, { rule, call }];
}

function endRule(name: string): (args: readonly Type[]) => Type | Refusal {
  return oneArgument(
    isList,
    (type) => `cannot get ${name} element from ${formattedType(type)}`,
    statedElementOf,
  );
}

/** What Go's type says of the elements, which is less than the checker knows. */
function statedElementOf(type: Type): Type {
  return type.name === listType.name ? anyType : elementOf(type);
}

/** Nil where there is no such element, whatever the value is. */
function end(value: Value, index: bigint): Value {
  if (value instanceof Map || value instanceof Header) return null;
  return value instanceof AnyMap ? fetch(value, index) : getOrNil(value, index);
}

function takeRule(args: readonly Type[]): Type | Refusal {
  const [list, count] = args;
  if (list === undefined || count === undefined || args.length > 2) return wrongCount("2", args.length);
  if (!isUnknown(list) && !isList(list)) return { problem: `cannot take from ${formattedType(list)}` };
  if (!isUnknown(count) && !["int", "int64", "uint8"].includes(count.kind)) {
    return { problem: `cannot take ${formattedType(count)} elements` };
  }
  return list.name === listType.name ? listType : list;
}

function take(args: readonly Value[]): Value {
  const list = argument(args, 0);
  const items = list instanceof List ? list : elementsOf(list);
  if (items === undefined) throw runError(`cannot take from ${kindName(list)}`);
  const count = argument(args, 1);
  const wanted = count instanceof NamedInt ? count.value : count;
  if (typeof wanted !== "bigint") throw runError(`cannot take ${kindName(count)} elements`);
  if (wanted < 0n) throw runError("reflect.Value.Slice: slice index out of bounds");
  const taken = items.slice(0, Number(wanted < BigInt(items.length) ? wanted : BigInt(items.length)));
  return list instanceof List ? new List(taken, list.type, list.isNil) : new List(taken);
}

function concatRule(args: readonly Type[]): Type | Refusal {
  if (args.length === 0) return wrongCount("at least 1", 0);
  const other = args.find((type) => !isUnknown(type) && !isList(type));
  return other === undefined ? listType : { problem: `cannot concat ${formattedType(other)}` };
}

function concat(args: readonly Value[], budget: Budget): Value {
  const all: Value[] = [];
  for (const arg of args) {
    const items = elementsOf(arg);
    if (items === undefined) throw runError(`cannot concat ${kindName(arg)}`);
    budget.charge(items.length);
    for (const item of items) all.push(item);
  }
  return all.length === 0 ? nilList : new List(all);
}

/** All elements of nested lists, in order. */
function flatten(items: readonly Value[], budget: Budget): Value[] {
  const flat: Value[] = [];
  const stack: { readonly items: readonly Value[]; next: number }[] = [{ items, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (top.next >= top.items.length) {
      stack.pop();
      continue;
    }
    const item = top.items[top.next++] ?? null;
    const inner = elementsOf(item);
    if (inner === undefined) flat.push(item);
    else if (stack.length > depthMax) throw runError("recursion depth exceeded");
    else stack.push({ items: inner, next: 0 });
  }
  budget.charge(flat.length);
  return flat;
}

function unique(items: readonly Value[], budget: Budget): Value[] {
  const kept: Value[] = [];
  const scalars = new Set<string>();
  for (const item of items) {
    const key = scalarKey(item);
    if (key !== undefined) {
      if (scalars.has(key)) continue;
      scalars.add(key);
    } else {
      budget.step();
      budget.checkTime();
      if (kept.some((other) => equal(other, item))) continue;
    }
    kept.push(item);
  }
  return kept;
}

/** The same text for equal scalars, so that most lists need no comparison of all with all. */
function scalarKey(value: Value): string | undefined {
  if (typeof value === "string") return `s${value}`;
  if (typeof value === "boolean") return `b${value}`;
  // Large integers and floats compare as floats with each other, so they have no common text.
  if (typeof value === "bigint" && value > -(2n ** 53n) && value < 2n ** 53n) return `n${value}`;
  if (typeof value === "number" && Number.isSafeInteger(value)) return `n${value + 0}`;
  return undefined;
}

function sort(args: readonly Value[], budget: Budget): Value {
  const list = argument(args, 0);
  const items = elementsOf(list);
  const direction = args.length > 1 ? argument(args, 1) : "asc";
  if (typeof direction !== "string") {
    throw runError(`sort order argument must be a string (got ${typeName(direction)})`);
  }
  if (direction !== "asc" && direction !== "desc") {
    throw runError(`invalid order ${direction}, expected asc or desc`);
  }
  if (items === undefined || !(list instanceof List) || list.type === "pairs") return nilList;
  budget.charge(items.length);
  return new List(sortValues(items, items, direction === "desc", budget));
}

/** The items in the order of their keys, which is that of `<`; keys without an order fail, if they are ever compared. */
export function sortValues(
  items: readonly Value[],
  keys: readonly Value[],
  isDescending: boolean,
  budget: Budget,
): Value[] {
  const places = items.map((_, i) => i);
  const keyAt = (i: number): Value => keys[places[i] ?? 0] ?? null;
  sortInPlace({
    length: places.length,
    less: (i, j) => {
      budget.step();
      return (isDescending ? order("<", keyAt(j), keyAt(i)) : order("<", keyAt(i), keyAt(j))) < 0;
    },
    swap: (i, j) => {
      [places[i], places[j]] = [places[j] ?? 0, places[i] ?? 0];
    },
  });
  return places.map((place) => items[place] ?? null);
}
