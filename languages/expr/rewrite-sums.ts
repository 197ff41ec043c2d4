/** Sums without a list, and sums over constant ranges by formula (docs/contract/expressions.md#1.11, rules 4 and 8). */
import { type BuiltinNode, type Node, replacing } from "./ast.ts";
import { constantOf } from "./fold.ts";
import { intType } from "./types.ts";

/** `sum(a..b)`, `sum(a..b, # op k)` or `reduce(a..b, #acc + #)`. */
export function sumOfRange(node: Node): Node | undefined {
  const value = node.kind === "builtin" ? rangeTotal(node) : undefined;
  if (value === undefined) return undefined;
  return { kind: "constant", at: node.at, value: BigInt.asIntN(64, value), type: intType };
}

/** `sum([a, b, c])` is `a + (b + c)`. */
export function sumOfList(node: Node): Node | undefined {
  const list = sumArgument(node);
  if (list?.kind !== "list" || list.items.length < 2) return undefined;
  const sum = list.items.reduceRight((right, left) => ({
    kind: "binary",
    at: 0,
    operator: "+",
    left,
    right,
  }));
  return replacing(node, sum);
}

/** `sum(map(xs, p))` is `sum(xs, p)`. */
export function sumOfMap(node: Node): Node | undefined {
  const list = sumArgument(node);
  if (list?.kind !== "builtin" || list.name !== "map") return undefined;
  return replacing(node, { kind: "builtin", at: node.at, name: "sum", args: list.args });
}

/** The list of a sum without a predicate. */
function sumArgument(node: Node): Node | undefined {
  return node.kind === "builtin" && node.name === "sum" && node.args.length === 1 ? node.args[0] : undefined;
}

function rangeTotal(node: BuiltinNode): bigint | undefined {
  const [range, predicate, start] = node.args;
  if (range?.kind !== "binary" || range.operator !== "..") return undefined;
  const from = constantOf(range.left);
  const to = constantOf(range.right);
  if (typeof from !== "bigint" || typeof to !== "bigint" || from > to) return undefined;
  const count = to - from + 1n;
  // The product wraps before it is halved, as in the reference.
  const sum = BigInt.asIntN(64, count * (from + to)) / 2n;
  const body = predicate?.kind === "predicate" ? predicate.body : undefined;
  if (node.name === "sum") return predicate === undefined ? sum : sumWith(body, sum, count);
  if (node.name !== "reduce" || body === undefined || !isRunningSum(body)) return undefined;
  const first = start === undefined ? 0n : constantOf(start);
  return typeof first === "bigint" ? first + sum : undefined;
}

/** The sum of what a predicate makes of the elements, if it is simple enough. */
function sumWith(body: Node | undefined, sum: bigint, count: bigint): bigint | undefined {
  if (body === undefined || isElement(body)) return body && sum;
  if (body.kind !== "binary") return undefined;
  const isOnLeft = isElement(body.left);
  if (!isOnLeft && !isElement(body.right)) return undefined;
  const constant = constantOf(isOnLeft ? body.right : body.left);
  if (typeof constant !== "bigint") return undefined;
  if (body.operator === "*") return constant * sum;
  if (body.operator === "+") return sum + count * constant;
  if (body.operator !== "-") return undefined;
  return isOnLeft ? sum - count * constant : count * constant - sum;
}

function isElement(node: Node): boolean {
  return node.kind === "pointer" && node.name === "";
}

function isRunningSum(node: Node): boolean {
  if (node.kind !== "binary" || node.operator !== "+") return false;
  const isAcc = (each: Node): boolean => each.kind === "pointer" && each.name === "acc";
  return (isAcc(node.left) && isElement(node.right)) || (isElement(node.left) && isAcc(node.right));
}
