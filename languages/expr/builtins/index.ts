/** The builtin functions of the language (contract expressions.md 1.9); those with predicates are in compile-loops.ts. */
import { BITS } from "./bits.ts";
import type { Builtin } from "./builtin.ts";
import { CONVERSIONS } from "./conversions.ts";
import { DATES } from "./dates.ts";
import { LISTS } from "./lists.ts";
import { MAPS } from "./maps.ts";
import { NUMBERS } from "./numbers.ts";
import { STRINGS } from "./strings.ts";

export type { Builtin } from "./builtin.ts";

export const BUILTINS: ReadonlyMap<string, Builtin> = new Map([
  ...LISTS,
  ...MAPS,
  ...STRINGS,
  ...NUMBERS,
  ...BITS,
  ...CONVERSIONS,
  ...DATES,
]);
