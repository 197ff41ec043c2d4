/** What names mean at a place of a filter. */
import type { Definition, Filter } from "./ast.ts";
import type { JqValue } from "./values.ts";

/** A filter with the scope it was written in. */
export interface Closure {
  readonly filter: Filter;
  readonly scope: Scope;
}

/** A chain of bindings; the innermost comes first. */
export interface Scope {
  readonly parent: Scope | undefined;
  readonly variable?: { readonly name: string; readonly value: JqValue };
  readonly closure?: { readonly name: string; readonly closure: Closure };
  readonly definition?: Definition;
  readonly label?: { readonly name: string; readonly token: symbol };
}

export const emptyScope: Scope = { parent: undefined };

export function lookUpVariable(scope: Scope, name: string): JqValue | undefined {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) {
    if (each.variable?.name === name) return each.variable.value;
  }
  return undefined;
}

export function lookUpLabel(scope: Scope, name: string): symbol | undefined {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) {
    if (each.label?.name === name) return each.label.token;
  }
  return undefined;
}

/** The scope whose binding is the function, so that its body sees itself and what was defined before. */
export function lookUpFunction(scope: Scope, name: string, arity: number): Scope | undefined {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) {
    if (each.definition?.name === name && each.definition.parameters.length === arity) return each;
    if (arity === 0 && each.closure?.name === name) return each;
  }
  return undefined;
}

/** `$name` as a parameter: a variable with one value of the argument, and a function that is the argument. */
export function bindParameter(parent: Scope, name: string, value: JqValue, argument: Closure): Scope {
  const variable: Scope = { parent, variable: { name, value } };
  return { parent: variable, closure: { name, closure: argument } };
}
