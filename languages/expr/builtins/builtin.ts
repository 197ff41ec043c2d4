/** What a builtin is: a static rule for its arguments and a function of their values. */
import type { Budget } from "../../budget.ts";
import type { Refusal } from "../check-operators.ts";
import { isUnknown, type Signature, type Type } from "../types.ts";
import type { Value } from "../values.ts";

export interface Builtin {
  /** Signatures of which one has to fit, or a function from the argument types to the result type. */
  readonly rule: readonly Signature[] | ((args: readonly Type[]) => Type | Refusal);
  readonly call: (args: readonly Value[], budget: Budget) => Value;
}

export type Builtins = readonly (readonly [string, Builtin])[];

/** One signature after the other: parameter lists with the same result. */
export function overloads(
  result: Type,
  ...parameterLists: readonly (readonly Type[])[]
): readonly Signature[] {
  return parameterLists.map((parameters) => ({ parameters, results: [result] }));
}

/** One argument that has to pass a test; `refused` begins the message, and the type's name ends it. */
export function oneArgument(
  accepts: (type: Type) => boolean,
  refused: (type: Type) => string,
  result: (type: Type) => Type,
): (args: readonly Type[]) => Type | Refusal {
  return (args) => {
    const [type] = args;
    if (type === undefined || args.length > 1) return wrongCount("1", args.length);
    return isUnknown(type) || accepts(type) ? result(type) : { problem: refused(type) };
  };
}

export function wrongCount(expected: string, got: number): Refusal {
  return { problem: `invalid number of arguments (expected ${expected}, got ${got})` };
}

/** The argument at a place; the checker has seen to it that there is one where it is needed. */
export function argument(args: readonly Value[], i: number): Value {
  return args[i] ?? null;
}
