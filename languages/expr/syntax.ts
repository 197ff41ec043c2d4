/** Operators and their binding, and the arguments of the builtins that take a predicate (docs/contract/expressions.md#1.3). */

export interface BinaryOperator {
  readonly precedence: number;
  readonly isRightAssociative: boolean;
}

const levels: readonly (readonly [number, readonly string[]])[] = [
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

export const binaryOperators: ReadonlyMap<string, BinaryOperator> = new Map(
  levels.flatMap(([precedence, operators]) =>
    operators.map((operator) => [operator, { precedence, isRightAssociative: precedence === 100 }] as const),
  ),
);

/** Prefix operators and how tightly they bind. */
export const unaryOperators: ReadonlyMap<string, number> = new Map([
  ["not", 50],
  ["!", 50],
  ["-", 90],
  ["+", 90],
]);

/** Operators that `not` may precede. */
export const negatable: ReadonlySet<string> = new Set([
  "in",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
]);

export const comparisons: ReadonlySet<string> = new Set(["<", ">", "<=", ">="]);

export type ArgumentForm = "expression" | "predicate" | "optional-expression" | "optional-predicate";

const plainForm: readonly ArgumentForm[] = ["expression", "predicate"];
const optionalForm: readonly ArgumentForm[] = ["expression", "optional-predicate"];
const extendedForm: readonly ArgumentForm[] = ["expression", "predicate", "optional-expression"];

/** Builtins whose second argument is evaluated once an element. */
export const predicateBuiltins: ReadonlyMap<string, readonly ArgumentForm[]> = new Map([
  ["all", plainForm],
  ["any", plainForm],
  ["none", plainForm],
  ["one", plainForm],
  ["filter", plainForm],
  ["map", plainForm],
  ["find", plainForm],
  ["findLast", plainForm],
  ["findIndex", plainForm],
  ["findLastIndex", plainForm],
  ["groupBy", plainForm],
  ["count", optionalForm],
  ["sum", optionalForm],
  ["sortBy", extendedForm],
  ["reduce", extendedForm],
]);
