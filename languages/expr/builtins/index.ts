/** The builtin functions of the language (docs/contract/expressions.md#1.9); those with predicates are in compile-loops.ts. */
import { bitBuiltins } from "./bits.ts";
import type { Builtin } from "./builtin.ts";
import { conversionBuiltins } from "./conversions.ts";
import { dateBuiltins } from "./dates.ts";
import { listBuiltins } from "./lists.ts";
import { mapBuiltins } from "./maps.ts";
import { numberBuiltins } from "./numbers.ts";
import { stringBuiltins } from "./strings.ts";

export type { Builtin } from "./builtin.ts";

export const builtins: ReadonlyMap<string, Builtin> = new Map([
  ...listBuiltins,
  ...mapBuiltins,
  ...stringBuiltins,
  ...numberBuiltins,
  ...bitBuiltins,
  ...conversionBuiltins,
  ...dateBuiltins,
]);
