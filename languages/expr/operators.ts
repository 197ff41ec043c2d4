/** Operators on values whose types are known only now (docs/contract/expressions.md#1.5). */
import type { Budget } from "../budget.ts";
import { compareText, containsText, endsWithText, joinText, startsWithText } from "../text/byte-text.ts";
import { truncateToInt64 } from "../text/numbers.ts";
import { power as goPower } from "../text/power.ts";
import { Duration } from "../time/duration.ts";
import { Moment } from "../time/moment.ts";
import { isNil, List, NamedInt, runError, typeName, type Value } from "./values.ts";

/** A number as bigint (an integer of any type) or number (a float); undefined for anything else. */
export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  if (value instanceof NamedInt && !value.type.startsWith("time.")) return value.value;
  return undefined;
}

export function add(left: Value, right: Value, budget: Budget): Value {
  if (typeof left === "string" && typeof right === "string") {
    budget.chargeText(left.length + right.length);
    return joinText(left, right);
  }
  if (left instanceof Moment && right instanceof Duration) return left.add(right.nanoseconds);
  if (left instanceof Duration && right instanceof Moment) return right.add(left.nanoseconds);
  if (left instanceof Duration && right instanceof Duration)
    return new Duration(left.nanoseconds + right.nanoseconds);
  return arithmetic(
    "+",
    left,
    right,
    (a, b) => a + b,
    (a, b) => a + b,
  );
}

export function subtract(left: Value, right: Value): Value {
  if (left instanceof Moment && right instanceof Moment) return left.since(right);
  if (left instanceof Moment && right instanceof Duration) return left.add(-right.nanoseconds);
  if (left instanceof Duration && right instanceof Duration)
    return new Duration(left.nanoseconds - right.nanoseconds);
  return arithmetic(
    "-",
    left,
    right,
    (a, b) => a - b,
    (a, b) => a - b,
  );
}

export function multiply(left: Value, right: Value): Value {
  if (left instanceof Duration || right instanceof Duration) {
    const a = left instanceof Duration ? left.nanoseconds : numberOf(left);
    const b = right instanceof Duration ? right.nanoseconds : numberOf(right);
    if (a !== undefined && b !== undefined) {
      // A float factor gives a float, as in the reference.
      if (typeof a === "number" || typeof b === "number") return Number(a) * Number(b);
      return new Duration(a * b);
    }
  }
  return arithmetic(
    "*",
    left,
    right,
    (a, b) => a * b,
    (a, b) => a * b,
  );
}

export function divide(left: Value, right: Value): number {
  const a = numberOf(left);
  const b = numberOf(right);
  if (a === undefined || b === undefined) throw invalidOperation("/", left, right);
  return Number(a) / Number(b);
}

export function power(left: Value, right: Value): number {
  const base = toFloat(left);
  return goPower(base, toFloat(right));
}

export function modulo(left: Value, right: Value): bigint {
  const a = numberOf(left);
  const b = numberOf(right);
  if (typeof a !== "bigint" || typeof b !== "bigint") throw invalidOperation("%", left, right);
  if (b === 0n) throw runError("runtime error: integer divide by zero");
  return BigInt.asIntN(64, a % b);
}

export function negate(value: Value): Value {
  const number = numberOf(value);
  if (number === undefined) throw runError(`invalid operation: - ${typeName(value)}`);
  return typeof number === "bigint" ? BigInt.asIntN(64, -number) : -number;
}

/** Below zero, zero, above zero; NaN when the two have no order. Throws for values of other kinds. */
export function order(operator: string, left: Value, right: Value): number {
  const a = numberOf(left);
  const b = numberOf(right);
  if (a !== undefined && b !== undefined) return compareNumbers(a, b);
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (left instanceof Moment && right instanceof Moment) return compareNumbers(left.unixNano, right.unixNano);
  if (left instanceof Duration && right instanceof Duration) {
    return compareNumbers(left.nanoseconds, right.nanoseconds);
  }
  throw invalidOperation(operator, left, right);
}

/** An integer and a float compare as floats. */
export function compareNumbers(a: bigint | number, b: bigint | number): number {
  if (typeof a === "bigint" && typeof b === "bigint") return a < b ? -1 : a > b ? 1 : 0;
  const x = Number(a);
  const y = Number(b);
  return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
}

/** An integer from a number of any type, truncated. Throws for anything else. */
export function toInteger(value: Value): bigint {
  const number = numberOf(value);
  if (number === undefined) throw runError(`invalid operation: int(${typeName(value)})`);
  return typeof number === "bigint" ? number : truncateToInt64(number);
}

function toFloat(value: Value): number {
  const number = numberOf(value);
  if (number === undefined) throw runError(`invalid operation: float(${typeName(value)})`);
  return Number(number);
}

/** `a..b`, both ends included. Charges the list before it is made. */
export function makeRange(left: Value, right: Value, budget: Budget): Value {
  const from = toInteger(left);
  const to = toInteger(right);
  // The size wraps as in the reference, where the greatest ranges are empty.
  const size = BigInt.asIntN(64, to - from + 1n);
  if (size <= 0n) return new List([], "int");
  budget.charge(size > 1_000_000n ? 1_000_000 : Number(size));
  const items: bigint[] = [];
  for (let value = from; value <= to; value++) items.push(value);
  return new List(items, "int");
}

/** `contains`, `startsWith`, `endsWith`. A nil operand gives false. */
export function textTest(operator: string, left: Value, right: Value): boolean {
  if (isNil(left) || isNil(right)) return false;
  if (typeof left !== "string") throw notString(left);
  if (typeof right !== "string") throw notString(right);
  if (operator === "contains") return containsText(left, right);
  return operator === "startsWith" ? startsWithText(left, right) : endsWithText(left, right);
}

/** The bool that a condition or predicate has to be. */
export function asBool(value: Value): boolean {
  if (typeof value === "boolean") return value;
  throw notOfType(value, "bool");
}

export function notString(value: Value): Error {
  return notOfType(value, "string");
}

/** The failure of a conversion to a type. */
export function notOfType(value: Value, wanted: string): Error {
  const type = value === null ? "nil" : typeName(value);
  return runError(`interface conversion: interface {} is ${type}, not ${wanted}`);
}

function arithmetic(
  operator: string,
  left: Value,
  right: Value,
  onIntegers: (a: bigint, b: bigint) => bigint,
  onFloats: (a: number, b: number) => number,
): bigint | number {
  const a = numberOf(left);
  const b = numberOf(right);
  if (a === undefined || b === undefined) throw invalidOperation(operator, left, right);
  if (typeof a === "bigint" && typeof b === "bigint") return BigInt.asIntN(64, onIntegers(a, b));
  return onFloats(Number(a), Number(b));
}

function invalidOperation(operator: string, left: Value, right: Value): Error {
  return runError(`invalid operation: ${typeName(left)} ${operator} ${typeName(right)}`);
}
