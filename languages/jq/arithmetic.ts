/** Operators on values. */
import type { Budget } from "../budget.ts";
import { bytesOf } from "../text/byte-text.ts";
import type { Outs } from "./out.ts";
import {
  compare,
  describe,
  isArray,
  isNumber,
  isObject,
  isTruthy,
  JqError,
  type JqObject,
  type JqValue,
  preview,
} from "./values.ts";

/** Texts that `*` makes are shorter than this. */
const repeatBytesMax = 2 ** 29;

/** Integers beyond this many bits are no numbers of use, only of cost. */
const integerBitsMax = 100_000;

export function binaryValue(operator: string, left: JqValue, right: JqValue, budget: Budget): JqValue {
  switch (operator) {
    case "+":
      return add(left, right, budget);
    case "-":
      return subtract(left, right);
    case "*":
      return multiply(left, right, budget);
    case "/":
      return divide(left, right);
    case "%":
      return modulo(left, right);
    case "==":
      return compare(left, right) === 0;
    case "!=":
      return compare(left, right) !== 0;
    case "<":
      return compare(left, right) < 0;
    case "<=":
      return compare(left, right) <= 0;
    case ">":
      return compare(left, right) > 0;
    default:
      return compare(left, right) >= 0;
  }
}

/** `a // b`: the values of `a` that are neither false nor null, else those of `b`. */
export function* alternative(first: Outs, second: () => Outs): Outs {
  let hasValue = false;
  for (const out of first) {
    if (!isTruthy(out.value)) continue;
    hasValue = true;
    yield out;
  }
  if (!hasValue) yield* second();
}

export function signedValue(sign: "+" | "-", value: JqValue): JqValue {
  if (!isNumber(value)) throw new JqError(`cannot ${sign === "-" ? "negate" : "plus"}: ${describe(value)}`);
  return sign === "-" ? -value : value;
}

export function add(left: JqValue, right: JqValue, budget: Budget): JqValue {
  if (left === null) return right;
  if (right === null) return left;
  if (typeof left === "bigint" && typeof right === "bigint") return left + right;
  if (isNumber(left) && isNumber(right)) return Number(left) + Number(right);
  if (typeof left === "string" && typeof right === "string") {
    budget.chargeText(left.length + right.length);
    return left + right;
  }
  if (isArray(left) && isArray(right)) {
    budget.chargeValues(left.length + right.length);
    return [...left, ...right];
  }
  if (isObject(left) && isObject(right)) {
    budget.chargeValues(left.size + right.size);
    return new Map([...left, ...right]);
  }
  throw failed("add", left, right);
}

function subtract(left: JqValue, right: JqValue): JqValue {
  if (typeof left === "bigint" && typeof right === "bigint") return left - right;
  if (isNumber(left) && isNumber(right)) return Number(left) - Number(right);
  if (!isArray(left) || !isArray(right)) throw failed("subtract", left, right);
  return left.filter((item) => !right.some((other) => compare(item, other) === 0));
}

function multiply(left: JqValue, right: JqValue, budget: Budget): JqValue {
  if (typeof left === "bigint" && typeof right === "bigint") {
    if (bits(left) + bits(right) > integerBitsMax) throw new JqError("number is too large");
    return left * right;
  }
  if (isNumber(left) && isNumber(right)) return Number(left) * Number(right);
  if (typeof left === "string" && isNumber(right)) return repeat(left, Number(right), budget);
  if (isNumber(left) && typeof right === "string") return repeat(right, Number(left), budget);
  if (isObject(left) && isObject(right)) return deepMerge(left, right, budget);
  throw failed("multiply", left, right);
}

function divide(left: JqValue, right: JqValue): JqValue {
  if (typeof left === "string" && typeof right === "string") return splitText(left, right);
  if (!isNumber(left) || !isNumber(right)) throw failed("divide", left, right);
  if (Number(right) === 0) throw byZero("divide", left, right);
  if (typeof left === "bigint" && typeof right === "bigint" && left % right === 0n) return left / right;
  return Number(left) / Number(right);
}

/** Of the integers that the numbers are cut to; the sign is that of the dividend. */
function modulo(left: JqValue, right: JqValue): JqValue {
  if (!isNumber(left) || !isNumber(right)) throw failed("modulo", left, right);
  if (Number.isNaN(left) || Number.isNaN(right)) return Number.NaN;
  const divisor = integer(right);
  if (divisor === 0n) throw byZero("modulo", left, right);
  return integer(left) % (divisor < 0n ? -divisor : divisor);
}

/** `"a,b" / ","`; empty text has no parts. */
export function splitText(text: string, separator: string): JqValue {
  if (text === "") return [];
  return separator === "" ? Array.from(text) : text.split(separator);
}

function repeat(text: string, count: number, budget: Budget): JqValue {
  if (!(count >= 0)) return null;
  const times = Math.trunc(count);
  if (bytesOf(text).length * times >= repeatBytesMax)
    throw new JqError(`repeat string result too large: ${preview(text)} * ${preview(count)}`);
  budget.chargeText(text.length * times);
  return text.repeat(times);
}

function deepMerge(left: JqObject, right: JqObject, budget: Budget): JqObject {
  budget.step();
  const merged = new Map(left);
  for (const [key, value] of right) {
    const old = merged.get(key) ?? null;
    merged.set(key, isObject(old) && isObject(value) ? deepMerge(old, value, budget) : value);
  }
  return merged;
}

const integerMax = 2 ** 63;

function integer(value: bigint | number): bigint {
  if (typeof value === "bigint") return value;
  return BigInt(Math.trunc(Math.min(Math.max(value, -integerMax), integerMax)));
}

function bits(value: bigint): number {
  return value > -(2n ** 64n) && value < 2n ** 64n ? 64 : value.toString(16).length * 4;
}

function failed(operation: string, left: JqValue, right: JqValue): JqError {
  return new JqError(`cannot ${operation}: ${describe(left)} and ${describe(right)}`);
}

function byZero(operation: string, left: JqValue, right: JqValue): JqError {
  return new JqError(`cannot ${operation} ${describe(left)} by: ${describe(right)}`);
}
