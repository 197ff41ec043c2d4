/** The state of one evaluation. */
import type { Budget } from "../budget.ts";
import { RegexpCache } from "../text/regexp.ts";
import type { Value } from "./values.ts";

/** A piece of the expression, ready to run. */
export type Code = (frame: Frame) => Value;

/** What `#`, `#index` and `#acc` mean. */
export interface Scope {
  item: Value;
  index: bigint;
  acc: Value;
}

export class Frame {
  readonly env: ReadonlyMap<string, Value>;
  readonly budget: Budget;
  readonly regexps = new RegexpCache();
  /** Values of `let` variables, by slot. */
  readonly variables: Value[] = [];
  /** What lies under the results on the stack of the reference; see operands.ts. */
  readonly residue: Value[] = [];
  scope: Scope = { item: null, index: 0n, acc: null };
  /** Where a run error happened: set before each operation that can fail. */
  at = 0;

  constructor(env: ReadonlyMap<string, Value>, budget: Budget) {
    this.env = env;
    this.budget = budget;
  }
}
