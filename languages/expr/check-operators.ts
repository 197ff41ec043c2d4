/** Which operand types an operator accepts, and what it gives (docs/contract/expressions.md#1.4). */
import {
  anyType,
  boolType,
  bytesType,
  durationType,
  elementOf,
  floatType,
  intType,
  isAssignable,
  isBool,
  isComparable,
  isDuration,
  isInteger,
  isList,
  isNilType,
  isNumber,
  isString,
  isTime,
  isUnknown,
  listOf,
  nilType,
  stringType,
  type Type,
  timeType,
  unknownType,
} from "./types.ts";

type Test = (type: Type) => boolean;

/** A refused pair of operand types; the message is complete but for the place. */
export interface Refusal {
  readonly problem: string;
}

/** The type of `left operator right`, or why there is none. */
export function binaryType(operator: string, left: Type, right: Type): Type | Refusal {
  const type = operator === "in" ? inType(left, right) : (operatorRules[operator] ?? noRule)(left, right);
  if (type !== undefined) return type;
  const names = `${left.name} and ${right.name}`.replaceAll("*time.Location", "time.Location");
  return { problem: `invalid operation: ${operator} (mismatched types ${names})` };
}

/** The type of `operator operand`, or why there is none. */
export function unaryType(operator: string, operand: Type): Type | Refusal {
  if (operator === "not" || operator === "!") {
    if (isBool(operand) || isUnknown(operand)) return boolType;
  } else if (isNumber(operand)) return operand;
  else if (isUnknown(operand)) return unknownType;
  return { problem: `invalid operation: ${operator} (mismatched type ${operand.name})` };
}

type Rule = (left: Type, right: Type) => Type | undefined;

const noRule: Rule = () => undefined;

const operatorRules: Readonly<Record<string, Rule>> = {
  "==": equality,
  "!=": equality,
  and: logic,
  "&&": logic,
  or: logic,
  "||": logic,
  "<": ordering,
  ">": ordering,
  "<=": ordering,
  ">=": ordering,
  "+": (left, right) => {
    if (isString(left) && isString(right)) return stringType;
    if ((isTime(left) && isDuration(right)) || (isDuration(left) && isTime(right))) return timeType;
    if (isDuration(left) && isDuration(right)) return durationType;
    return arithmetic(left, right, isNumber, isString, isTime, isDuration);
  },
  "-": (left, right) => {
    if (isTime(left) && isTime(right)) return durationType;
    if (isTime(left) && isDuration(right)) return timeType;
    if (isDuration(left) && isDuration(right)) return durationType;
    return arithmetic(left, right, isNumber, isTime, isDuration);
  },
  "*": (left, right) => {
    const hasDuration = isDuration(left) || isDuration(right);
    if (hasDuration && [left, right].every((type) => isNumber(type) || isDuration(type))) return durationType;
    return arithmetic(left, right, isNumber, isDuration);
  },
  "/": division,
  "**": division,
  "^": division,
  "%": (left, right) => (accepts(left, right, isInteger) ? intType : undefined),
  "..": (left, right) => (accepts(left, right, isInteger) ? listOf(intType) : undefined),
  matches: (left, right) => (left === bytesType && isString(right) ? boolType : text(left, right)),
  contains: text,
  startsWith: text,
  endsWith: text,
  "??": (left, right) => {
    if (isNilType(left)) return isNilType(right) ? nilType : right;
    if (isNilType(right)) return left;
    return isAssignable(right, left) ? left : unknownType;
  },
};

function equality(left: Type, right: Type): Type | undefined {
  return isComparable(left, right) ? boolType : undefined;
}

function logic(left: Type, right: Type): Type | undefined {
  return accepts(left, right, isBool) ? boolType : undefined;
}

function ordering(left: Type, right: Type): Type | undefined {
  return accepts(left, right, isNumber, isString, isTime, isDuration) ? boolType : undefined;
}

function division(left: Type, right: Type): Type | undefined {
  return accepts(left, right, isNumber) ? floatType : undefined;
}

function text(left: Type, right: Type): Type | undefined {
  return accepts(left, right, isString) ? boolType : undefined;
}

/** Numbers give a number; with an unknown side the other must be of one of the kinds. */
function arithmetic(left: Type, right: Type, ...tests: readonly Test[]): Type | undefined {
  if (isNumber(left) && isNumber(right))
    return left === floatType || right === floatType ? floatType : intType;
  return (isUnknown(left) || isUnknown(right)) && accepts(left, right, ...tests) ? unknownType : undefined;
}

/** Both sides pass the same test, where an unknown side passes all. */
function accepts(left: Type, right: Type, ...tests: readonly Test[]): boolean {
  if (isUnknown(left) && isUnknown(right)) return true;
  return tests.some((test) => (isUnknown(left) || test(left)) && (isUnknown(right) || test(right)));
}

function inType(left: Type, right: Type): Type | Refusal | undefined {
  if (right.kind === "map") {
    const key = right.key ?? anyType;
    if (isUnknown(left) || isAssignable(left, key)) return boolType;
    return { problem: `cannot use ${left.name} as type ${key.name} in map key` };
  }
  if (isList(right)) {
    if (isComparable(left, elementOf(right))) return boolType;
    return { problem: `cannot use ${left.name} as type ${elementOf(right).name} in array` };
  }
  return isUnknown(right) ? boolType : undefined;
}
