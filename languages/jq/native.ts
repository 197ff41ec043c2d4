/** Builtins that are written in TypeScript. */
import type { Budget } from "../budget.ts";
import type { RegexpCache } from "../text/regexp.ts";
import type { Evaluator } from "./evaluator.ts";
import type { Out, Outs } from "./out.ts";
import type { Closure } from "./scope.ts";
import type { JqValue } from "./values.ts";

/** What a native function may use besides its arguments. */
export interface NativeContext {
  readonly budget: Budget;
  readonly regexps: RegexpCache;
}

/** A function of the input and of one value for each argument. */
export type NativeFunction = (input: JqValue, args: readonly JqValue[], context: NativeContext) => JqValue;

/** A function that runs its arguments itself. */
export type NativeGenerator = (evaluator: Evaluator, args: readonly Closure[], input: Out) => Outs;

/** By `name/arity`. */
export type NativeFunctions = Readonly<Record<string, NativeFunction>>;
