/** Operators and their binding, and the arguments of the builtins that take a predicate (contract expressions.md 1.3). */

export interface BinaryOperator {
  readonly precedence: number;
  readonly isRightAssociative: boolean;
}

const LEVELS: readonly (readonly [number, readonly string[]])[] = [
  [0, ["|"]],
  [10, ["or", "||"]],
  [15, ["and", "&&"]],
  [20, ["==", "!=", "<", ">", "<=", ">=", "in", "matches", "contains", "startsWith", "endsWith"]],
  [25, [".."]],
  [30, ["+", "-"]],
  [60, ["*", "/", "%"]],
  [100, ["**", "^"]],
  [500, ["??"]],
];

export const BINARY: ReadonlyMap<string, BinaryOperator> = new Map(
  LEVELS.flatMap(([precedence, operators]) =>
    operators.map((operator) => [operator, { precedence, isRightAssociative: precedence === 100 }] as const),
  ),
);

/** Prefix operators and how tightly they bind. */
export const UNARY: ReadonlyMap<string, number> = new Map([
  ["not", 50],
  ["!", 50],
  ["-", 90],
  ["+", 90],
]);

/** Operators that `not` may precede. */
export const NEGATABLE: ReadonlySet<string> = new Set([
  "in",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
]);

export const COMPARISONS: ReadonlySet<string> = new Set(["<", ">", "<=", ">="]);

export type ArgumentForm = "expression" | "predicate" | "optional-expression" | "optional-predicate";

const PLAIN: readonly ArgumentForm[] = ["expression", "predicate"];
const OPTIONAL: readonly ArgumentForm[] = ["expression", "optional-predicate"];
const EXTENDED: readonly ArgumentForm[] = ["expression", "predicate", "optional-expression"];

/** Builtins whose second argument is evaluated once an element. */
export const PREDICATE_BUILTINS: ReadonlyMap<string, readonly ArgumentForm[]> = new Map([
  ["all", PLAIN],
  ["any", PLAIN],
  ["none", PLAIN],
  ["one", PLAIN],
  ["filter", PLAIN],
  ["map", PLAIN],
  ["find", PLAIN],
  ["findLast", PLAIN],
  ["findIndex", PLAIN],
  ["findLastIndex", PLAIN],
  ["groupBy", PLAIN],
  ["count", OPTIONAL],
  ["sum", OPTIONAL],
  ["sortBy", EXTENDED],
  ["reduce", EXTENDED],
]);
