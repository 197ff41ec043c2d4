/** Sums over constant ranges by formula, without the list (contract expressions.md 1.11, rule 4). */
import type { BuiltinNode, Node } from "./ast.ts";
import { constantOf } from "./fold.ts";

/** The value of `sum(a..b)`, `sum(a..b, # op k)` or `reduce(a..b, #acc + #)`; undefined for anything else. */
export function sumOfRange(node: BuiltinNode): bigint | undefined {
  const [range, predicate, ...rest] = node.args;
  if (range?.kind !== "binary" || range.operator !== ".." || rest.length > 0) return undefined;
  const from = constantOf(range.left);
  const to = constantOf(range.right);
  if (typeof from !== "bigint" || typeof to !== "bigint" || from > to) return undefined;
  const count = to - from + 1n;
  const sum = (count * (from + to)) / 2n;
  const body = predicate?.kind === "predicate" ? predicate.body : undefined;
  if (node.name === "reduce")
    return body !== undefined && isRunningSum(body) ? BigInt.asIntN(64, sum) : undefined;
  if (predicate === undefined || (body !== undefined && isElement(body))) return BigInt.asIntN(64, sum);
  if (body?.kind !== "binary" || !isElement(body.left)) return undefined;
  const factor = constantOf(body.right);
  if (typeof factor !== "bigint") return undefined;
  if (body.operator === "*") return BigInt.asIntN(64, sum * factor);
  if (body.operator === "+") return BigInt.asIntN(64, sum + count * factor);
  return body.operator === "-" ? BigInt.asIntN(64, sum - count * factor) : undefined;
}

function isElement(node: Node): boolean {
  return node.kind === "pointer" && node.name === "";
}

function isRunningSum(node: Node): boolean {
  if (node.kind !== "binary" || node.operator !== "+") return false;
  const isAcc = (each: Node): boolean => each.kind === "pointer" && each.name === "acc";
  return (isAcc(node.left) && isElement(node.right)) || (isElement(node.left) && isAcc(node.right));
}
