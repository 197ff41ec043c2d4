/** Which filters have exactly one value, whatever their input is (or fail). */
import type { Filter } from "./ast.ts";
import { lookUpFunction, type Scope } from "./scope.ts";

/** Tells the builtins that are plain functions of their input and arguments. */
export interface PlainFunctions {
  isPlain(name: string, arity: number): boolean;
}

export function isSingle(filter: Filter, scope: Scope, functions: PlainFunctions): boolean {
  const all = (...parts: readonly (Filter | undefined)[]): boolean =>
    parts.every((part) => part === undefined || isSingle(part, scope, functions));
  switch (filter.kind) {
    case "identity":
    case "literal":
    case "variable":
    case "format":
    case "array":
      return true;
    case "index":
      return all(filter.target, filter.index);
    case "slice":
      return all(filter.target, filter.from, filter.to);
    case "signed":
      return all(filter.operand);
    case "pipe":
      return all(filter.left, filter.right);
    case "binary":
      return filter.operator !== "//" && all(filter.left, filter.right);
    case "string":
      return filter.parts.every((part) => typeof part === "string" || all(part));
    case "object":
      return filter.entries.every(({ key, value }) => all(key, value));
    case "call": {
      const { name, args } = filter;
      if (!functions.isPlain(name, args.length) || lookUpFunction(scope, name, args.length) !== undefined)
        return false;
      return all(...args);
    }
    default:
      return false;
  }
}
