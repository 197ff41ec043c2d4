/** Folds what is constant (contract expressions.md 1.11, rules 1 and 2). */
import { Budget } from "../budget.ts";
import type { BinaryNode, Node } from "./ast.ts";
import { equal } from "./equality.ts";
import { add, divide, modulo, multiply, negate, order, power, subtract } from "./operators.ts";
import { sourceError } from "./source-error.ts";
import { List, type Value } from "./values.ts";

/** The node with its own operation done, if its operands (already folded) allow it. Throws for a constant `x % 0`. */
export function foldNode(node: Node, source: string): Node {
  if (node.kind === "binary") return foldLogic(node) ?? foldBinary(node, source) ?? node;
  if (node.kind === "unary" && node.operand.kind === "constant") {
    const { value } = node.operand;
    const isNot = node.operator === "not" || node.operator === "!";
    if (isNot && typeof value === "boolean") return { kind: "constant", at: node.at, value: !value };
    if (isNot || (typeof value !== "bigint" && typeof value !== "number")) return node;
    return { kind: "constant", at: node.at, value: node.operator === "-" ? negate(value) : value };
  }
  if (node.kind === "list" && node.items.length > 0 && node.items.every(isScalar)) {
    return {
      kind: "constant",
      at: node.at,
      value: new List(node.items.map((item) => constantOf(item) ?? null)),
    };
  }
  return node;
}

/** The value of a constant node. */
export function constantOf(node: Node | undefined): Value | undefined {
  return node?.kind === "constant" ? node.value : undefined;
}

function isScalar(node: Node): boolean {
  return ["bigint", "number", "string", "boolean"].includes(typeof constantOf(node));
}

/** A literal bool decides `and` and `or`, or leaves the other side as it is. */
function foldLogic(node: BinaryNode): Node | undefined {
  const isAnd = node.operator === "and" || node.operator === "&&";
  if (!isAnd && node.operator !== "or" && node.operator !== "||") return undefined;
  const left = constantOf(node.left);
  const right = constantOf(node.right);
  if (left === isAnd) return node.right;
  if (right === isAnd) return node.left;
  const isDecided = left === !isAnd || right === !isAnd;
  return isDecided ? { kind: "constant", at: node.at, value: !isAnd } : undefined;
}

function foldBinary(node: BinaryNode, source: string): Node | undefined {
  if (!isScalar(node.left) || !isScalar(node.right)) return undefined;
  const left = constantOf(node.left) ?? null;
  const right = constantOf(node.right) ?? null;
  const isText = typeof left === "string" && typeof right === "string";
  const isNumeric = typeof left !== "string" && typeof right !== "string" && typeof left !== "boolean";
  if (node.operator === "%" && right === 0n) throw sourceError(source, node.at, "integer divide by zero");
  const value = isText || isNumeric ? compute(node.operator, left, right) : undefined;
  return value === undefined ? undefined : { kind: "constant", at: node.at, value };
}

function compute(operator: string, left: Value, right: Value): Value | undefined {
  switch (operator) {
    case "+":
      return add(left, right, new Budget(Number.POSITIVE_INFINITY));
    case "-":
      return subtract(left, right);
    case "*":
      return multiply(left, right);
    case "/":
      return divide(left, right);
    case "%":
      return modulo(left, right);
    case "**":
    case "^":
      return power(operator, left, right);
    case "==":
      return equal(left, right);
    case "!=":
      return !equal(left, right);
    case "<":
      return order(operator, left, right) < 0;
    case ">":
      return order(operator, left, right) > 0;
    case "<=":
      return order(operator, left, right) <= 0;
    case ">=":
      return order(operator, left, right) >= 0;
    default:
      return undefined;
  }
}
