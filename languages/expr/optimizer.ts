/**
 * The rewrites of the reference that users can notice (docs/contract/expressions.md#1.11): what is evaluated, what fails
 * and where, and what is charged depends on them and on their order.
 */
import { changeTree, type Node } from "./ast.ts";
import { foldNode } from "./fold.ts";
import { countAsAny, countUpTo } from "./rewrite-counts.ts";
import { filterFirst, filterLast, filterLength, filterThenMap, mergeFilters } from "./rewrite-filters.ts";
import { membershipInRange, membershipOfConstants } from "./rewrite-memberships.ts";
import { mergePredicates } from "./rewrite-predicates.ts";
import { sumOfList, sumOfMap, sumOfRange } from "./rewrite-sums.ts";

/** Throws for a constant `x % 0`. */
export function optimize(node: Node, source: string): Node {
  let tree = foldAll(changeTree(node, membershipOfConstants), source);
  for (const rewrite of rewrites) tree = changeTree(tree, rewrite);
  return tree;
}

/** Each walks over the whole tree before the next one does. */
const rewrites: readonly ((node: Node) => Node | undefined)[] = [
  membershipInRange,
  filterThenMap,
  filterLength,
  filterLast,
  filterFirst,
  mergePredicates,
  sumOfRange,
  sumOfList,
  sumOfMap,
  countAsAny,
  countUpTo,
];

/** What one round makes constant may be folded further in the next. */
function foldAll(tree: Node, source: string): Node {
  let folded = tree;
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    folded = changeTree(folded, (node) => {
      const change = foldNode(node, source) ?? mergeFilters(node);
      isChanged ||= change !== undefined;
      return change;
    });
  }
  return folded;
}
