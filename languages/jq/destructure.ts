/** Takes values apart by patterns. */
import type { Pattern } from "./ast.ts";
import type { Evaluator } from "./evaluator.ts";
import { indexValue } from "./paths.ts";
import type { Scope } from "./scope.ts";
import { describe, isArray, JqError, type JqValue } from "./values.ts";

/** The scopes that a pattern makes of a value: one for each way its keys can be read. */
export function* destructure(
  evaluator: Evaluator,
  pattern: Pattern,
  value: JqValue,
  scope: Scope,
): Generator<Scope, void, undefined> {
  if (pattern.kind === "variable") {
    yield { parent: scope, variable: { name: pattern.name, value } };
    return;
  }
  if (pattern.kind === "array") {
    if (value !== null && !isArray(value)) throw new JqError(`expected an array but got: ${describe(value)}`);
    const keys = pattern.items.map((item, i) => ({ key: BigInt(i), value: item }));
    yield* destructureParts(evaluator, keys, value, scope, 0);
    return;
  }
  yield* destructureObject(evaluator, pattern, value, scope, 0);
}

function* destructureParts(
  evaluator: Evaluator,
  parts: readonly { readonly key: bigint; readonly value: Pattern }[],
  value: JqValue,
  scope: Scope,
  from: number,
): Generator<Scope, void, undefined> {
  const part = parts[from];
  if (part === undefined) {
    yield scope;
    return;
  }
  for (const bound of destructure(evaluator, part.value, indexValue(value, part.key), scope)) {
    yield* destructureParts(evaluator, parts, value, bound, from + 1);
  }
}

function* destructureObject(
  evaluator: Evaluator,
  pattern: Pattern & { kind: "object" },
  value: JqValue,
  scope: Scope,
  from: number,
): Generator<Scope, void, undefined> {
  const entry = pattern.entries[from];
  if (entry === undefined) {
    yield scope;
    return;
  }
  for (const key of evaluator.values(entry.key, scope, value)) {
    if (typeof key !== "string")
      throw new JqError(`expected a string for object key but got: ${describe(key)}`);
    const member = indexValue(value, key);
    const { variable, value: inner } = entry;
    const base: Scope =
      variable === undefined ? scope : { parent: scope, variable: { name: variable, value: member } };
    for (const bound of inner === undefined ? [base] : destructure(evaluator, inner, member, base)) {
      yield* destructureObject(evaluator, pattern, value, bound, from + 1);
    }
  }
}
