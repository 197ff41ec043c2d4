/** The operators with two operands, as instructions (docs/contract/expressions.md#1.5). */
import type { Budget } from "../budget.ts";
import { textOfBytes } from "../text/byte-text.ts";
import { compileRegexp, matchesAnywhere } from "../text/regexp.ts";
import { isIn, isKeyOf } from "./access.ts";
import { type Assembler, isFalse, isNotNil, isTrue } from "./assembler.ts";
import type { BinaryNode } from "./ast.ts";
import { equal } from "./equality.ts";
import type { Machine } from "./machine.ts";
import {
  add,
  divide,
  makeRange,
  modulo,
  multiply,
  notOfType,
  notString,
  order,
  power,
  subtract,
  textTest,
} from "./operators.ts";
import { intType, stringType } from "./types.ts";
import { isNil, runError, typeName, type Value } from "./values.ts";

/** Appends an operation whose left operand is on the stack; `right` appends the instructions of the other one. */
export function emitOperation(code: Assembler, node: BinaryNode, right: () => void): void {
  const { operator, at } = node;
  const isDecided = shortCircuits[operator];
  if (isDecided !== undefined) {
    const end = code.jump(at, isDecided);
    code.pop(at);
    right();
    end();
    return;
  }
  if (operator === "matches") {
    const pattern = node.right.kind === "constant" ? node.right.value : undefined;
    if (typeof pattern !== "string") right();
    code.emit(at, typeof pattern === "string" ? matchesConstant(pattern) : matchesPattern);
    return;
  }
  right();
  const operation = operationOf(node);
  code.emit(at, (machine) => {
    const value = machine.pop();
    machine.push(operation(machine.pop(), value, machine.budget));
  });
}

/** Operators that look at the left value first; when it decides, it is the result. */
const shortCircuits: Readonly<Record<string, (machine: Machine) => boolean>> = {
  or: isTrue,
  "||": isTrue,
  and: isFalse,
  "&&": isFalse,
  "??": isNotNil,
};

function matchesConstant(text: string): (machine: Machine) => void {
  const pattern = compileRegexp(text);
  return (machine) => {
    const value = machine.pop();
    machine.push(!isNil(value) && matchesAnywhere(pattern, subject(value)));
  };
}

function matchesPattern(machine: Machine): void {
  const pattern = machine.pop();
  const value = machine.pop();
  if (isNil(value) || isNil(pattern)) machine.push(false);
  else if (typeof pattern !== "string") throw notString(pattern);
  else machine.push(matchesAnywhere(machine.regexps.get(pattern), subject(value)));
}

/** The text that a pattern is matched with. */
function subject(value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return textOfBytes(value);
  throw runError(`interface conversion: interface {} is ${typeName(value)}, not []uint8`);
}

type Operation = (left: Value, right: Value, budget: Budget) => Value;

function operationOf(node: BinaryNode): Operation {
  const { operator } = node;
  if (operator === "==" || operator === "!=") return equality(node);
  return operations[operator] ?? ((left, right) => textTest(operator, left, right));
}

/** Operands that are known to be ints or strings are taken for such, so that a nil among them fails. */
function equality({ operator, left, right }: BinaryNode): Operation {
  const isWanted = operator === "==";
  const type = left.type === right.type ? left.type : undefined;
  if (type !== intType && type !== stringType) return (a, b) => equal(a, b) === isWanted;
  const wanted = type === intType ? "bigint" : "string";
  return (a, b) => {
    for (const value of [a, b]) if (typeof value !== wanted) throw notOfType(value, type.name);
    return (a === b) === isWanted;
  };
}

const operations: Readonly<Record<string, Operation>> = {
  "+": add,
  "-": subtract,
  "*": multiply,
  "/": divide,
  "%": modulo,
  "**": power,
  "^": power,
  "<": (left, right) => order("<", left, right) < 0,
  ">": (left, right) => order(">", left, right) > 0,
  "<=": (left, right) => order("<=", left, right) <= 0,
  ">=": (left, right) => order(">=", left, right) >= 0,
  in: isIn,
  "in keys": isKeyOf,
  "..": makeRange,
};
