/** Several tests of the same list in one pass. */
import { type Node, replacing } from "./ast.ts";
import { sameTree } from "./same-tree.ts";

/** `all(xs, p) and all(xs, q)` is `all(xs, p and q)`, and so on. */
export function mergePredicates(node: Node): Node | undefined {
  if (node.kind !== "binary") return undefined;
  const { left, right } = node;
  if (left.kind !== "builtin" || right.kind !== "builtin" || left.name !== right.name) return undefined;
  const operator = mergedOperator(left.name, node.operator);
  const [list, first] = left.args;
  const [otherList, second] = right.args;
  if (operator === undefined || first?.kind !== "predicate" || second?.kind !== "predicate") return undefined;
  if (list === undefined || otherList === undefined) return undefined;
  if (list.type?.name !== otherList.type?.name || !sameTree(list, otherList)) return undefined;
  const body: Node = { kind: "binary", at: 0, operator, left: first.body, right: second.body };
  const predicate: Node = { kind: "predicate", at: 0, body: mergePredicates(body) ?? body };
  return replacing(node, { kind: "builtin", at: node.at, name: left.name, args: [list, predicate] });
}

function mergedOperator(name: string, operator: string): string | undefined {
  const isAnd = operator === "and" || operator === "&&";
  const isOr = operator === "or" || operator === "||";
  if ((name === "all" && isAnd) || (name === "any" && isOr)) return operator;
  return name === "none" && isAnd ? "||" : undefined;
}
