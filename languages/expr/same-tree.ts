/** Whether two trees say the same, wherever they stand. */
import { mapChildren, type Node } from "./ast.ts";
import { identical } from "./equality.ts";

export function sameTree(left: Node, right: Node): boolean {
  if (left.kind !== right.kind) return false;
  if (left.kind === "constant" && right.kind === "constant") return identical(left.value, right.value);
  if (label(left) !== label(right)) return false;
  const parts = childrenOf(left);
  const others = childrenOf(right);
  if (parts.length !== others.length) return false;
  return parts.every((part, i) => {
    const other = others[i];
    return other !== undefined && sameTree(part, other);
  });
}

/** What a node says besides its children. */
function label(node: Node): string {
  switch (node.kind) {
    case "name":
    case "pointer":
    case "let":
    case "builtin":
      return node.name;
    case "unary":
    case "binary":
      return node.operator;
    case "member":
      return String(node.isOptional);
    case "slice":
      return `${node.from === undefined}:${node.to === undefined}`;
    default:
      return "";
  }
}

function childrenOf(node: Node): readonly Node[] {
  const children: Node[] = [];
  mapChildren(node, (child) => {
    children.push(child);
    return child;
  });
  return children;
}
