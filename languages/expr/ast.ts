/** The syntax tree of an expression. `at` is the place that messages name, in UTF-16 units from the start. */
import type { Type } from "./types.ts";
import type { Value } from "./values.ts";

interface Base {
  readonly at: number;
  /** Set by the checker, which does not look everywhere; the optimizer and the compiler depend on it. */
  type?: Type | undefined;
}

export type Node =
  | ConstantNode
  | (Base & { readonly kind: "name"; readonly name: string })
  | (Base & { readonly kind: "unary"; readonly operator: string; readonly operand: Node })
  | BinaryNode
  | (Base & { readonly kind: "chain"; readonly node: Node })
  | MemberNode
  | SliceNode
  | CallNode
  | BuiltinNode
  | PredicateNode
  | (Base & { readonly kind: "pointer"; readonly name: string })
  | ConditionalNode
  | LetNode
  | (Base & { readonly kind: "sequence"; readonly nodes: readonly Node[] })
  | (Base & { readonly kind: "list"; readonly items: readonly Node[] })
  | MapNode;

export interface ConstantNode extends Base {
  readonly kind: "constant";
  readonly value: Value;
}

export interface BinaryNode extends Base {
  readonly kind: "binary";
  readonly operator: string;
  readonly left: Node;
  readonly right: Node;
}

export interface MemberNode extends Base {
  readonly kind: "member";
  readonly object: Node;
  readonly property: Node;
  readonly isOptional: boolean;
}

export interface SliceNode extends Base {
  readonly kind: "slice";
  readonly object: Node;
  readonly from: Node | undefined;
  readonly to: Node | undefined;
}

export interface CallNode extends Base {
  readonly kind: "call";
  readonly callee: Node;
  readonly args: readonly Node[];
}

export interface BuiltinNode extends Base {
  readonly kind: "builtin";
  readonly name: string;
  readonly args: readonly Node[];
  /** Set by the optimizer: what `filter` and `find` give for a match. */
  readonly result?: Node;
  /** Set by the optimizer: `find` and `findLast` fail when nothing matches. */
  readonly isStrict?: boolean;
  /** Set by the optimizer: `count` stops here. */
  readonly countMax?: bigint;
}

export interface PredicateNode extends Base {
  readonly kind: "predicate";
  readonly body: Node;
}

export interface ConditionalNode extends Base {
  readonly kind: "conditional";
  readonly condition: Node;
  readonly consequent: Node;
  readonly otherwise: Node;
}

export interface LetNode extends Base {
  readonly kind: "let";
  readonly name: string;
  readonly value: Node;
  readonly body: Node;
}

export interface MapNode extends Base {
  readonly kind: "map";
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

/** What stands for a node that is rewritten: at its place, with its type. */
export function replacing(node: Node, by: Node): Node {
  return { ...by, at: node.at, type: node.type };
}

/** The tree with each node, once its children are done, replaced by what `change` makes of it. */
export function changeTree(tree: Node, change: (node: Node) => Node | undefined): Node {
  const visit = (node: Node): Node => {
    if (node.kind !== "binary") return changed(mapChildren(node, visit));
    // Long chains of operators lean to the left, so that side is walked without recursion.
    const spine: BinaryNode[] = [];
    let left: Node = node;
    for (; left.kind === "binary"; left = left.left) spine.push(left);
    left = visit(left);
    for (const part of spine.reverse()) left = changed({ ...part, left, right: visit(part.right) });
    return left;
  };
  const changed = (node: Node): Node => change(node) ?? node;
  return visit(tree);
}
