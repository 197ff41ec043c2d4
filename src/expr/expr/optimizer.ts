/**
 * The rewrites of the reference that users can notice (contract expressions.md 1.11): what is evaluated, what fails
 * and what is charged depends on them.
 */
import { type BinaryNode, type BuiltinNode, mapChildren, type Node } from "./ast.ts";
import { constantOf, foldNode } from "./fold.ts";
import { sumOfRange } from "./range-sum.ts";
import { sameTree } from "./same-tree.ts";

/** `intMemberships` are the places of `in` operators with an int on the left. Throws for a constant `x % 0`. */
export function optimize(node: Node, source: string, intMemberships: ReadonlySet<number>): Node {
  const visit = (each: Node): Node => {
    if (each.kind !== "binary") return rewrite(foldNode(mapChildren(each, visit), source));
    // Long chains of operators lean to the left, so that side is walked without recursion.
    const spine: BinaryNode[] = [];
    let left: Node = each;
    for (; left.kind === "binary"; left = left.left) spine.push(left);
    left = visit(left);
    for (const part of spine.reverse()) {
      const operator = isTextLookup(part) ? "in texts" : part.operator;
      const folded = foldNode({ ...part, operator, left, right: visit(part.right) }, source);
      left = folded.kind === "binary" ? rewriteBinary(folded, intMemberships) : folded;
    }
    return left;
  };
  return visit(node);
}

/** `x in ["a", "b"]` looks up a key, which is stricter than a search. */
function isTextLookup(node: BinaryNode): boolean {
  if (node.operator !== "in" || node.right.kind !== "list" || node.right.items.length === 0) return false;
  return node.right.items.every((item) => typeof constantOf(item) === "string");
}

function rewriteBinary(node: BinaryNode, intMemberships: ReadonlySet<number>): Node {
  if (node.operator === "in" && intMemberships.has(node.at)) return membershipInRange(node) ?? node;
  return mergePredicates(node) ?? countThreshold(node) ?? node;
}

function rewrite(node: Node): Node {
  if (node.kind === "member" && !node.isOptional && isFilter(node.object)) {
    const index = constantOf(node.property);
    if (index === 0n || index === -1n) {
      return { ...node.object, at: node.at, name: index === 0n ? "find" : "findLast", isStrict: true };
    }
  }
  return node.kind === "builtin" ? rewriteBuiltin(node) : node;
}

function rewriteBuiltin(node: BuiltinNode): Node {
  const [list, predicate] = node.args;
  if (node.name === "sum" || node.name === "reduce") {
    const sum = sumOfRange(node);
    if (sum !== undefined) return { kind: "constant", at: node.at, value: sum };
  }
  if (node.name === "sum" && node.args.length === 1 && list?.kind === "list" && list.items.length > 1) {
    return list.items.reduce((left, right) => ({ kind: "binary", at: node.at, operator: "+", left, right }));
  }
  if (list === undefined || !isFilter(list)) return node;
  if (node.name === "first" || node.name === "last") {
    return { ...list, at: node.at, name: node.name === "first" ? "find" : "findLast" };
  }
  if (list.result !== undefined) return node;
  if (node.name === "len") return { ...list, at: node.at, name: "count" };
  const inner = list.args[1];
  if (predicate?.kind !== "predicate" || inner?.kind !== "predicate") return node;
  if (node.name === "map" && !usesIndex(predicate)) return { ...list, result: predicate.body };
  if (node.name === "filter") return { ...list, args: [list.args[0] ?? list, both("&&", inner, predicate)] };
  return node;
}

/** `x in 1..9` with an int x compares instead of making the list. */
function membershipInRange(node: BinaryNode): Node | undefined {
  const { at, left, right } = node;
  if (right.kind !== "binary" || right.operator !== "..") return undefined;
  if (typeof constantOf(right.left) !== "bigint" || typeof constantOf(right.right) !== "bigint")
    return undefined;
  return {
    kind: "binary",
    at,
    operator: "and",
    left: { kind: "binary", at, operator: ">=", left, right: right.left },
    right: { kind: "binary", at, operator: "<=", left, right: right.right },
  };
}

/** `all(xs, p) and all(xs, q)` is `all(xs, p && q)`, and so on. */
function mergePredicates(node: BinaryNode): Node | undefined {
  const { left, right } = node;
  if (left.kind !== "builtin" || right.kind !== "builtin" || left.name !== right.name) return undefined;
  const isAnd = node.operator === "and" || node.operator === "&&";
  const isOr = node.operator === "or" || node.operator === "||";
  const isMergeable =
    (isAnd && (left.name === "all" || left.name === "none")) || (isOr && left.name === "any");
  const [list, first] = left.args;
  const [otherList, second] = right.args;
  if (!isMergeable || first?.kind !== "predicate" || second?.kind !== "predicate") return undefined;
  if (list === undefined || otherList === undefined || !sameTree(list, otherList)) return undefined;
  return { ...left, args: [list, both(left.name === "all" ? "&&" : "||", first, second)] };
}

/** A count that is compared with a constant stops when the comparison is decided. */
function countThreshold(node: BinaryNode): Node | undefined {
  const { left, right, operator } = node;
  const limit = constantOf(right);
  if (left.kind !== "builtin" || left.name !== "count" || left.args.length !== 2) return undefined;
  if (typeof limit !== "bigint" || !["<", "<=", ">", ">="].includes(operator)) return undefined;
  const isPositive = (operator === ">" && limit === 0n) || (operator === ">=" && limit === 1n);
  if (isPositive) return { ...left, name: "any" };
  const countMax = operator === ">" || operator === "<=" ? limit + 1n : limit;
  return countMax < 1n ? undefined : { ...node, left: { ...left, countMax } };
}

function isFilter(node: Node): node is BuiltinNode {
  return node.kind === "builtin" && node.name === "filter";
}

function both(
  operator: string,
  first: Node & { kind: "predicate" },
  second: Node & { kind: "predicate" },
): Node {
  const body: Node = { kind: "binary", at: second.at, operator, left: first.body, right: second.body };
  return { ...first, body };
}

function usesIndex(node: Node): boolean {
  if (node.kind === "pointer") return node.name === "index";
  let isUsed = false;
  mapChildren(node, (child) => {
    isUsed ||= usesIndex(child);
    return child;
  });
  return isUsed;
}
