/** Rounding, and the aggregates of numbers. */

import type { Refusal } from "../check-operators.ts";
import { compareNumbers, numberOf } from "../operators.ts";
import { anyType, floatType, formattedType, isList, isUnknown, type Type } from "../types.ts";
import { elementsOf, List, Pair, runError, typeName, type Value } from "../values.ts";
import { argument, type Builtin, type Builtins, oneArgument } from "./builtin.ts";

/** Nesting of lists that aggregates follow. */
const depthMax = 10_000;

export const numberBuiltins: Builtins = [
  [
    "abs",
    {
      rule: oneArgument(
        isNumeric,
        (type) => `invalid argument for abs (type ${formattedType(type)})`,
        (type) => type,
      ),
      call: (args) => {
        const number = numberOrFail("abs", argument(args, 0));
        // Minus zero stays what it is.
        if (typeof number === "number") return number < 0 ? -number : number;
        return BigInt.asIntN(64, number < 0n ? -number : number);
      },
    },
  ],
  rounding("ceil", Math.ceil),
  rounding("floor", Math.floor),
  rounding("round", roundHalfAway),
  ["max", { rule: aggregateRule("max"), call: (args) => extreme("max", args, 1) }],
  ["min", { rule: aggregateRule("min"), call: (args) => extreme("min", args, -1) }],
  [
    "mean",
    {
      rule: aggregateRule("mean"),
      call: (args) => {
        const numbers = flattenNumbers("mean", args).map(Number);
        return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
      },
    },
  ],
  [
    "median",
    {
      rule: aggregateRule("median"),
      call: (args) => {
        const numbers = flattenNumbers("median", args)
          .map(Number)
          .sort((a, b) => a - b);
        const middle = numbers.length >> 1;
        const upper = numbers[middle] ?? 0;
        return numbers.length % 2 === 1 || numbers.length === 0
          ? upper
          : ((numbers[middle - 1] ?? 0) + upper) / 2;
      },
    },
  ],
];

function rounding(name: string, round: (value: number) => number): readonly [string, Builtin] {
  const rule = oneArgument(
    isNumeric,
    (type) => `invalid argument for ${name} (type ${formattedType(type)})`,
    () => floatType,
  );
  return [name, { rule, call: (args) => round(Number(numberOrFail(name, argument(args, 0)))) }];
}

/** Half goes away from zero, and the sign of zero stays. */
function roundHalfAway(value: number): number {
  const size = Math.abs(value);
  const whole = Math.trunc(size);
  const rounded = size - whole >= 0.5 ? whole + 1 : whole;
  return value < 0 || Object.is(value, -0) ? -rounded : rounded;
}

function isNumeric(type: Type): boolean {
  return ["int", "uint8", "int64", "float64"].includes(type.kind);
}

function aggregateRule(name: string): (args: readonly Type[]) => Type | Refusal {
  return (args) => {
    const [first] = args;
    if (first === undefined) return { problem: `not enough arguments to call ${name}` };
    for (const type of args) {
      if (isUnknown(type) || isList(type)) return anyType;
      if (!isNumeric(type)) return { problem: `invalid argument for ${name} (type ${formattedType(type)})` };
    }
    return first;
  };
}

/** The first of the greatest (direction 1) or smallest numbers; nil when there are none. */
function extreme(name: string, args: readonly Value[], direction: number): Value {
  const [only] = args;
  // A single value that is no list is returned as it is.
  if (args.length === 1 && only !== undefined && elementsOf(only) === undefined) return only;
  let best: bigint | number | undefined;
  for (const number of flattenNumbers(name, args)) {
    if (best === undefined || compareNumbers(number, best) * direction > 0) best = number;
  }
  return best ?? null;
}

/** All numbers of nested lists, in order. Throws for anything else among them. */
function flattenNumbers(name: string, args: readonly Value[]): (bigint | number)[] {
  const numbers: (bigint | number)[] = [];
  const stack: { readonly items: readonly Value[]; next: number }[] = [{ items: args, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (top.next >= top.items.length) {
      stack.pop();
      continue;
    }
    const value = top.items[top.next++] ?? null;
    const items = value instanceof List || value instanceof Pair ? value.items : elementsOf(value);
    if (items === undefined) numbers.push(numberOrFail(name, value));
    else if (stack.length > depthMax) throw runError("recursion depth exceeded");
    else stack.push({ items, next: 0 });
  }
  return numbers;
}

function numberOrFail(name: string, value: Value): bigint | number {
  const number = numberOf(value);
  if (number === undefined) throw runError(`invalid argument for ${name} (type ${typeName(value)})`);
  return number;
}
