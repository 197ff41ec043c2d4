/** What parts of the interpreter may ask of the whole. */
import type { Budget } from "../budget.ts";
import type { RegexpCache } from "../text/regexp.ts";
import type { Filter } from "./ast.ts";
import type { Out, Outs } from "./out.ts";
import type { Scope } from "./scope.ts";
import type { JqValue } from "./values.ts";

export interface Evaluator {
  readonly budget: Budget;
  readonly regexps: RegexpCache;
  /** The values of a filter, with their paths where the input has one. */
  run(filter: Filter, scope: Scope, input: Out): Outs;
  /** The values alone. */
  values(filter: Filter, scope: Scope, value: JqValue): Generator<JqValue, void, undefined>;
  /** All values at once; charges them. */
  collect(filter: Filter, scope: Scope, value: JqValue): JqValue[];
  /** The paths that a filter leads to. Throws for values that do not lie in the input. */
  paths(filter: Filter, scope: Scope, value: JqValue): Generator<readonly JqValue[], void, undefined>;
  /** All members or elements; `isLenient` passes scalars over. */
  iterate(target: Out, isLenient: boolean): Outs;
  /** The input, then the same for each of its descendants. */
  recurse(input: Out, step: (each: Out) => Outs): Outs;
}
