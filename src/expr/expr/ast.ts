/** The syntax tree of an expression. `at` is the place that messages name, in UTF-16 units from the start. */
import type { Value } from "./values.ts";

export type Node =
  | { readonly kind: "constant"; readonly at: number; readonly value: Value }
  | { readonly kind: "name"; readonly at: number; readonly name: string }
  | { readonly kind: "unary"; readonly at: number; readonly operator: string; readonly operand: Node }
  | BinaryNode
  | { readonly kind: "chain"; readonly at: number; readonly node: Node }
  | MemberNode
  | SliceNode
  | CallNode
  | BuiltinNode
  | { readonly kind: "predicate"; readonly at: number; readonly body: Node }
  | { readonly kind: "pointer"; readonly at: number; readonly name: string }
  | ConditionalNode
  | LetNode
  | { readonly kind: "sequence"; readonly at: number; readonly nodes: readonly Node[] }
  | { readonly kind: "list"; readonly at: number; readonly items: readonly Node[] }
  | MapNode;

export interface BinaryNode {
  readonly kind: "binary";
  readonly at: number;
  readonly operator: string;
  readonly left: Node;
  readonly right: Node;
}

export interface MemberNode {
  readonly kind: "member";
  readonly at: number;
  readonly object: Node;
  readonly property: Node;
  readonly isOptional: boolean;
}

export interface SliceNode {
  readonly kind: "slice";
  readonly at: number;
  readonly object: Node;
  readonly from: Node | undefined;
  readonly to: Node | undefined;
}

export interface CallNode {
  readonly kind: "call";
  readonly at: number;
  readonly callee: Node;
  readonly args: readonly Node[];
}

export interface BuiltinNode {
  readonly kind: "builtin";
  readonly at: number;
  readonly name: string;
  readonly args: readonly Node[];
  /** Set by the optimizer: what `filter` gives for each match. */
  readonly result?: Node;
  /** Set by the optimizer: `find` and `findLast` fail when nothing matches. */
  readonly isStrict?: boolean;
  /** Set by the optimizer: `count` stops here. */
  readonly countMax?: bigint;
}

export interface ConditionalNode {
  readonly kind: "conditional";
  readonly at: number;
  readonly condition: Node;
  readonly consequent: Node;
  readonly otherwise: Node;
}

export interface LetNode {
  readonly kind: "let";
  readonly at: number;
  readonly name: string;
  readonly value: Node;
  readonly body: Node;
}

export interface MapNode {
  readonly kind: "map";
  readonly at: number;
  readonly pairs: readonly { readonly key: Node; readonly value: Node }[];
}

/** The tree with each child replaced by what `change` makes of it; the same tree when nothing changed. */
export function mapChildren(node: Node, change: (child: Node) => Node): Node {
  switch (node.kind) {
    case "constant":
    case "name":
    case "pointer":
      return node;
    case "unary":
      return replaced(node, { operand: change(node.operand) });
    case "binary":
      return replaced(node, { left: change(node.left), right: change(node.right) });
    case "chain":
      return replaced(node, { node: change(node.node) });
    case "member":
      return replaced(node, { object: change(node.object), property: change(node.property) });
    case "slice":
      return replaced(node, {
        object: change(node.object),
        from: node.from && change(node.from),
        to: node.to && change(node.to),
      });
    case "call":
      return replaced(node, { callee: change(node.callee), args: node.args.map(change) });
    case "builtin":
      return replaced(node, { args: node.args.map(change) });
    case "predicate":
      return replaced(node, { body: change(node.body) });
    case "conditional":
      return replaced(node, {
        condition: change(node.condition),
        consequent: change(node.consequent),
        otherwise: change(node.otherwise),
      });
    case "let":
      return replaced(node, { value: change(node.value), body: change(node.body) });
    case "sequence":
      return replaced(node, { nodes: node.nodes.map(change) });
    case "list":
      return replaced(node, { items: node.items.map(change) });
    case "map":
      return replaced(node, {
        pairs: node.pairs.map((pair) => ({ key: change(pair.key), value: change(pair.value) })),
      });
  }
}

function replaced<N extends Node>(node: N, children: Partial<N>): N {
  return { ...node, ...children };
}
