/** `in` with a constant on the right. */
import { type Node, replacing } from "./ast.ts";
import { constantOf } from "./fold.ts";
import { List, type Value } from "./values.ts";

/** `x in ["a", "b"]` looks up a key, which is stricter than a search; so does an int among ints. */
export function membershipOfConstants(node: Node): Node | undefined {
  if (node.kind !== "binary" || node.operator !== "in" || node.right.kind !== "list") return undefined;
  const keys = node.right.items.map(constantOf);
  const isLookup =
    keys.every((key) => typeof key === "string") ||
    (node.left.type?.kind === "int" && keys.every((key) => typeof key === "bigint"));
  if (keys.length === 0 || !isLookup) return undefined;
  const value = new List(keys as readonly Value[]);
  return { ...node, operator: "in keys", right: { kind: "constant", at: node.right.at, value } };
}

/** `x in 1..9` with an int x compares instead of making the list. */
export function membershipInRange(node: Node): Node | undefined {
  if (node.kind !== "binary" || node.operator !== "in" || node.left.type?.kind !== "int") return undefined;
  const { left, right } = node;
  if (right.kind !== "binary" || right.operator !== "..") return undefined;
  if (typeof constantOf(right.left) !== "bigint" || typeof constantOf(right.right) !== "bigint")
    return undefined;
  return replacing(node, {
    kind: "binary",
    at: node.at,
    operator: "and",
    left: { kind: "binary", at: 0, operator: ">=", left, right: right.left },
    right: { kind: "binary", at: 0, operator: "<=", left, right: right.right },
  });
}
