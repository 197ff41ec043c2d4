/** Folds what is constant (docs/contract/expressions.md#1.11, rules 1 and 2). */
import { Budget } from "../budget.ts";
import { type BinaryNode, type Node, replacing } from "./ast.ts";
import { add, divide, modulo, multiply, negate, power, subtract } from "./operators.ts";
import { sourceError } from "./source-error.ts";
import { boolType, floatType, intType, listType, stringType, type Type } from "./types.ts";
import { List, type Value } from "./values.ts";

/** What a node is once its own operation is done; undefined when it stays. Throws for a constant `x % 0`. */
export function foldNode(node: Node, source: string): Node | undefined {
  if (node.kind === "binary") return foldLogic(node) ?? foldBinary(node, source);
  if (node.kind === "unary") return foldUnary(node.operator, constantOf(node.operand), node.at);
  if (node.kind !== "list" || node.items.length === 0) return undefined;
  const items = node.items.map(constantOf);
  return items.every(isScalar) ? constant(node.at, new List(items), listType) : undefined;
}

/** The value of a constant node. */
export function constantOf(node: Node | undefined): Value | undefined {
  return node?.kind === "constant" ? node.value : undefined;
}

function isScalar(value: Value | undefined): value is bigint | number | string | boolean {
  return ["bigint", "number", "string", "boolean"].includes(typeof value);
}

function constant(at: number, value: Value, type: Type): Node {
  return { kind: "constant", at, value, type };
}

function foldUnary(operator: string, value: Value | undefined, at: number): Node | undefined {
  if (operator === "not" || operator === "!") {
    return typeof value === "boolean" ? constant(at, !value, boolType) : undefined;
  }
  if (typeof value !== "bigint" && typeof value !== "number") return undefined;
  return constant(
    at,
    operator === "-" ? negate(value) : value,
    typeof value === "bigint" ? intType : floatType,
  );
}

/** A literal bool decides `and` and `or`, or leaves the other side as it is. */
function foldLogic(node: BinaryNode): Node | undefined {
  const isAnd = node.operator === "and" || node.operator === "&&";
  if (!isAnd && node.operator !== "or" && node.operator !== "||") return undefined;
  const left = constantOf(node.left);
  const right = constantOf(node.right);
  if (left === isAnd) return replacing(node, node.right);
  if (right === isAnd) return replacing(node, node.left);
  const isDecided = left === !isAnd || right === !isAnd;
  return isDecided ? constant(node.at, !isAnd, boolType) : undefined;
}

function foldBinary({ operator, left, right, at }: BinaryNode, source: string): Node | undefined {
  const a = constantOf(left);
  const b = constantOf(right);
  if (operator === "==") {
    const isComparable = typeof a === typeof b && isScalar(a) && typeof a !== "number";
    return isComparable ? constant(at, a === b, boolType) : undefined;
  }
  if (typeof a === "string" && typeof b === "string") {
    const text = operator === "+" ? add(a, b, new Budget()) : undefined;
    return text === undefined ? undefined : constant(at, text, stringType);
  }
  if (!isNumber(a) || !isNumber(b)) return undefined;
  if (operator === "%" && (typeof a !== "bigint" || typeof b !== "bigint")) return undefined;
  if (operator === "%" && b === 0n) throw sourceError(source, at, "integer divide by zero");
  const value = arithmetic[operator]?.(a, b);
  return value === undefined
    ? undefined
    : constant(at, value, typeof value === "bigint" ? intType : floatType);
}

function isNumber(value: Value | undefined): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

const arithmetic: Readonly<Record<string, (a: bigint | number, b: bigint | number) => Value>> = {
  "+": (a, b) => add(a, b, new Budget()),
  "-": subtract,
  "*": multiply,
  "/": divide,
  "%": modulo,
  "**": power,
  "^": power,
};
