/** `filter` inside of what goes on with its result. */
import { type BuiltinNode, mapChildren, type Node, replacing } from "./ast.ts";
import { constantOf } from "./fold.ts";

/** `filter(filter(xs, p), q)` is one filter. */
export function mergeFilters(node: Node): Node | undefined {
  if (node.kind !== "builtin" || node.name !== "filter") return undefined;
  const [inner, second] = node.args;
  if (inner?.kind !== "builtin" || inner.name !== "filter") return undefined;
  const [list, first] = inner.args;
  if (list === undefined || first?.kind !== "predicate" || second?.kind !== "predicate") return undefined;
  const body: Node = { kind: "binary", at: 0, operator: "&&", left: first.body, right: second.body };
  return { ...node, args: [list, { kind: "predicate", at: 0, body }] };
}

/** `map(filter(xs, p), q)` runs in one pass, unless `q` looks at the index. */
export function filterThenMap(node: Node): Node | undefined {
  const filter = filterIn(node, "map");
  const predicate = node.kind === "builtin" ? node.args[1] : undefined;
  if (filter === undefined || filter.result !== undefined || predicate?.kind !== "predicate")
    return undefined;
  return usesIndex(predicate) ? undefined : replacing(node, { ...filter, result: predicate.body });
}

/** `len(filter(xs, p))` counts, and drops what a map would make of the matches. */
export function filterLength(node: Node): Node | undefined {
  const filter = filterIn(node, "len");
  return filter && replacing(node, { kind: "builtin", at: node.at, name: "count", args: filter.args });
}

export function filterFirst(node: Node): Node | undefined {
  return endOfFilter(node, 0n, "first", "find");
}

export function filterLast(node: Node): Node | undefined {
  return endOfFilter(node, -1n, "last", "findLast");
}

/** `filter(xs, p)[0]` and `first(filter(xs, p))` stop at the first match. Only the former fails without one. */
function endOfFilter(node: Node, index: bigint, name: string, finder: string): Node | undefined {
  if (
    node.kind === "member" &&
    !node.isOptional &&
    constantOf(node.property) === index &&
    isFilter(node.object)
  ) {
    return replacing(node, { ...node.object, name: finder, isStrict: true });
  }
  const filter = filterIn(node, name);
  return filter && replacing(node, { ...filter, name: finder });
}

/** The filter that is the list of a builtin of this name. */
function filterIn(node: Node, name: string): BuiltinNode | undefined {
  if (node.kind !== "builtin" || node.name !== name) return undefined;
  const [list] = node.args;
  return list !== undefined && isFilter(list) ? list : undefined;
}

function isFilter(node: Node): node is BuiltinNode {
  return node.kind === "builtin" && node.name === "filter";
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
