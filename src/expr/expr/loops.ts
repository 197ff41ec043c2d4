/** The builtins that evaluate a predicate for each element (contract expressions.md 1.8 and 1.9). */

import { Duration } from "../time/duration.ts";
import { iterable } from "./access.ts";
import type { BuiltinNode } from "./ast.ts";
import { sortValues } from "./builtins/lists.ts";
import type { Code, Frame, Scope } from "./frame.ts";
import { takeFromStack } from "./operands.ts";
import { add, asBool } from "./operators.ts";
import { GROUPS } from "./types.ts";
import { AnyMap, List, runError, type Value } from "./values.ts";

export interface LoopParts {
  readonly list: Code;
  readonly predicate: Code | undefined;
  readonly extra: Code | undefined;
  /** What a filter gives for each match, instead of the element. */
  readonly result: Code | undefined;
}

/** One loop at work: its elements and what is evaluated for each. */
interface Loop {
  readonly node: BuiltinNode;
  readonly frame: Frame;
  readonly items: readonly Value[];
  readonly parts: LoopParts;
  readonly scope: Scope;
}

type Run = (loop: Loop) => Value;

export function compileLoop(node: BuiltinNode, parts: LoopParts): Code {
  const run = RUNS[node.name] ?? (() => null);
  return (frame) => {
    const list = parts.list(frame);
    frame.at = node.at;
    const items = iterable(list);
    const outer = frame.scope;
    const scope: Scope = { item: null, index: 0n, acc: null };
    const value = run({ node, frame, items, parts, scope });
    frame.scope = outer;
    return value;
  };
}

const RUNS: Readonly<Record<string, Run>> = {
  all: (loop) => search(loop, false) < 0,
  any: (loop) => search(loop, true) >= 0,
  none: (loop) => search(loop, true) < 0,
  one: (loop) => countMatches(loop) === 1n,
  filter,
  map: (loop) => {
    const collected = new Collected(loop.frame);
    for (let i = 0; i < loop.items.length; i++) collected.push(valueAt(loop, i));
    return charged(loop, collected.take());
  },
  find: (loop) => found(loop, search(loop, true)),
  findLast: (loop) => found(loop, searchLast(loop)),
  findIndex: (loop) => foundIndex(loop, search(loop, true)),
  findLastIndex: (loop) => foundIndex(loop, searchLast(loop)),
  count: countMatches,
  sum: (loop) => {
    let total: Value = 0n;
    for (const [i] of loop.items.entries()) {
      const value = valueAt(loop, i);
      loop.frame.at = loop.node.at;
      // Durations add up, although an int and a duration do not.
      total = i === 0 && value instanceof Duration ? value : add(total, value, loop.frame.budget);
    }
    return total;
  },
  groupBy: (loop) => {
    const groups = new Map<unknown, Value[]>();
    const map = new AnyMap(GROUPS.name);
    for (const [i, item] of loop.items.entries()) {
      const key = valueAt(loop, i);
      loop.frame.at = loop.node.at;
      const group = map.get(key);
      if (group === undefined) {
        const items = [item];
        const list = new List(items);
        groups.set(list, items);
        map.set(key, list);
      } else groups.get(group)?.push(item);
    }
    return map;
  },
  sortBy,
  reduce,
};

/** The predicate's value for the element at a place; without a predicate the element itself. */
function valueAt(loop: Loop, i: number): Value {
  const { frame, items, parts, scope } = loop;
  const item = items[i] ?? null;
  frame.budget.step();
  if (parts.predicate === undefined) return item;
  scope.item = item;
  scope.index = BigInt(i);
  frame.scope = scope;
  return parts.predicate(frame);
}

function isMatch(loop: Loop, i: number): boolean {
  const value = valueAt(loop, i);
  if (typeof value !== "boolean") loop.frame.at = loop.node.args[1]?.at ?? loop.node.at;
  return asBool(value);
}

/** The place of the first element with this outcome, or -1. */
function search(loop: Loop, outcome: boolean): number {
  for (let i = 0; i < loop.items.length; i++) if (isMatch(loop, i) === outcome) return i;
  return -1;
}

function searchLast(loop: Loop): number {
  for (let i = loop.items.length - 1; i >= 0; i--) if (isMatch(loop, i)) return i;
  return -1;
}

function found(loop: Loop, i: number): Value {
  const { frame, items, node, parts } = loop;
  if (i >= 0) {
    frame.residue.push(true);
    return parts.result === undefined ? (items[i] ?? null) : parts.result(frame);
  }
  frame.at = node.at;
  if (node.isStrict === true) throw runError("reflect: slice index out of range");
  return null;
}

function foundIndex(loop: Loop, i: number): Value {
  if (i < 0) return null;
  loop.frame.residue.push(true);
  return BigInt(i);
}

function filter(loop: Loop): Value {
  const collected = new Collected(loop.frame);
  for (const [i, item] of loop.items.entries()) {
    if (isMatch(loop, i))
      collected.push(loop.parts.result === undefined ? item : loop.parts.result(loop.frame));
  }
  return charged(loop, collected.take());
}

/** The values that a loop leaves on the stack, one a round. */
class Collected {
  readonly #frame: Frame;
  readonly #values: Value[] = [];
  readonly #marks: number[] = [];

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  push(value: Value): void {
    this.#values.push(value);
    this.#marks.push(this.#frame.residue.length);
  }

  take(): readonly Value[] {
    const isClean = this.#marks.at(0) === this.#marks.at(-1);
    const end = this.#frame.residue.length;
    if (isClean && (this.#marks.at(-1) ?? end) === end) return this.#values;
    return takeFromStack(this.#frame, this.#values, this.#marks);
  }
}

function countMatches(loop: Loop): bigint {
  let count = 0n;
  for (let i = 0; i < loop.items.length && count !== loop.node.countMax; i++) if (isMatch(loop, i)) count++;
  return count;
}

function sortBy(loop: Loop): Value {
  const direction = loop.parts.extra?.(loop.frame) ?? "asc";
  const keys = loop.items.map((_, i) => valueAt(loop, i));
  loop.frame.at = loop.node.at;
  if (direction !== "asc" && direction !== "desc") throw runError("unknown order, use asc or desc");
  loop.frame.budget.charge(loop.items.length);
  return new List(sortValues(loop.items, keys, direction === "desc", loop.frame.budget));
}

/** Without a start value the first element is it. */
function reduce(loop: Loop): Value {
  const { frame, items, node, parts, scope } = loop;
  if (parts.extra === undefined && items.length === 0) {
    frame.at = node.at;
    throw runError("reduce of empty array with no initial value");
  }
  scope.acc = parts.extra === undefined ? (items[0] ?? null) : parts.extra(frame);
  for (let i = parts.extra === undefined ? 1 : 0; i < items.length; i++) scope.acc = valueAt(loop, i);
  return scope.acc;
}

function charged(loop: Loop, values: readonly Value[]): Value {
  loop.frame.at = loop.node.at;
  loop.frame.budget.charge(values.length);
  return new List(values);
}
