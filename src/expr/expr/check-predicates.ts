/** What the builtins with predicates give (contract expressions.md 1.4). */
import { BOOL, elementOf, GROUPS, INT, isUnknown, LIST, listOf, type Type } from "./types.ts";

/** Builtins whose predicate decides. */
export const BOOLEAN_PREDICATES: ReadonlySet<string> = new Set([
  "all",
  "any",
  "none",
  "one",
  "filter",
  "find",
  "findLast",
  "findIndex",
  "findLastIndex",
  "count",
]);

/** The type of a builtin applied to a list with a predicate of type `result`. */
export function predicateResult(name: string, collection: Type, result: Type): Type {
  const element = elementOf(collection);
  switch (name) {
    case "filter":
      return isUnknown(collection) ? LIST : listOf(element);
    case "map":
      return listOf(result);
    case "find":
    case "findLast":
      return element;
    case "sum":
    case "reduce":
      return result;
    case "sortBy":
      return isUnknown(collection) ? LIST : listOf(element);
    case "groupBy":
      return { ...GROUPS, element: isUnknown(collection) ? LIST : listOf(element) };
    case "count":
    case "findIndex":
    case "findLastIndex":
      return INT;
    default:
      return BOOL;
  }
}
