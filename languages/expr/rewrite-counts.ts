/** A count that is compared with a constant stops when the comparison is decided. */
import { type BinaryNode, type BuiltinNode, type Node, replacing } from "./ast.ts";
import { constantOf } from "./fold.ts";

/** `count(xs, p) > 0` is `any(xs, p)`. */
export function countAsAny(node: Node): Node | undefined {
  const compared = comparedCount(node);
  if (compared === undefined) return undefined;
  const { operator, limit, count } = compared;
  if (!(operator === ">" && limit === 0n) && !(operator === ">=" && limit === 1n)) return undefined;
  return replacing(node, { kind: "builtin", at: node.at, name: "any", args: count.args });
}

/** `count(xs, p) > 3` counts no further than 4. */
export function countUpTo(node: Node): Node | undefined {
  const compared = comparedCount(node);
  if (compared === undefined) return undefined;
  const { operator, limit, count, comparison } = compared;
  if (limit < 0n || !["<", "<=", ">", ">="].includes(operator)) return undefined;
  const countMax = operator === ">" || operator === "<=" ? limit + 1n : limit;
  return countMax <= 1n ? undefined : { ...comparison, left: { ...count, countMax } };
}

interface ComparedCount {
  readonly comparison: BinaryNode;
  readonly operator: string;
  readonly count: BuiltinNode;
  readonly limit: bigint;
}

function comparedCount(node: Node): ComparedCount | undefined {
  if (node.kind !== "binary") return undefined;
  const { left, right, operator } = node;
  const limit = constantOf(right);
  if (left.kind !== "builtin" || left.name !== "count" || left.args.length !== 2) return undefined;
  return typeof limit === "bigint" ? { comparison: node, operator, count: left, limit } : undefined;
}
