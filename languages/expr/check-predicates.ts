/** What the builtins with predicates give (docs/contract/expressions.md#1.4). */
import {
  boolType,
  elementOf,
  groupsType,
  intType,
  isBool,
  isNilType,
  isUnknown,
  listOf,
  listType,
  type Type,
  unknownType,
} from "./types.ts";

/** Builtins whose predicate decides. */
const booleanPredicates: ReadonlySet<string> = new Set([
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

/** What is wrong with a predicate of type `result`, if anything. */
export function predicateProblem(name: string, result: Type): string | undefined {
  if (isNilType(result)) {
    if (name === "sum") {
      return "cannot use func(interface {}) as argument (type func(interface {}) bool) to call sum ";
    }
    return `predicate should has ${name === "reduce" ? "two" : "one"} input and one output param`;
  }
  const isRefused = booleanPredicates.has(name) && !isBool(result) && !isUnknown(result);
  return isRefused ? `predicate should return boolean (got ${result.name})` : undefined;
}

/** The type of a builtin applied to a list with a predicate of type `result`. */
export function predicateResult(name: string, collection: Type, result: Type): Type {
  const element = isUnknown(collection) ? unknownType : elementOf(collection);
  switch (name) {
    case "filter":
      return isUnknown(collection) ? listType : listOf(element);
    case "map":
      return listOf(result);
    case "find":
    case "findLast":
      return element;
    case "sum":
    case "reduce":
      return result;
    case "sortBy":
      return collection;
    case "groupBy":
      return { ...groupsType, element: listOf(element) };
    case "count":
    case "findIndex":
    case "findLastIndex":
      return intType;
    default:
      return boolType;
  }
}
