/** Strings with interpolated values, and objects, made of every combination of their parts. */
import type { Filter } from "./ast.ts";
import type { Evaluator } from "./evaluator.ts";
import { applyFormat } from "./formats.ts";
import type { Out } from "./out.ts";
import type { Scope } from "./scope.ts";
import { describe, JqError, type JqValue } from "./values.ts";

/** The texts of the parts from the one on. */
export function* interpolate(
  evaluator: Evaluator,
  filter: Filter & { kind: "string" },
  from: number,
  scope: Scope,
  input: Out,
): Generator<string, void, undefined> {
  const part = filter.parts[from];
  if (part === undefined) {
    yield "";
    return;
  }
  for (const tail of interpolate(evaluator, filter, from + 1, scope, input)) {
    for (const head of typeof part === "string" ? [part] : evaluator.values(part, scope, input.value)) {
      const text = typeof part === "string" ? part : applyFormat(filter.format, head);
      evaluator.budget.chargeText(text.length + tail.length);
      yield text + tail;
    }
  }
}

/** The objects that the first entries make: each entry multiplies them by its keys and values. */
export function buildObjects(
  evaluator: Evaluator,
  count: number,
  filter: Filter & { kind: "object" },
  scope: Scope,
  value: JqValue,
): Iterable<ReadonlyMap<string, JqValue>> {
  const entry = filter.entries[count - 1];
  if (entry === undefined) return [new Map()];
  const objects = buildObjects(evaluator, count - 1, filter, scope, value);
  const values = (part: Filter) => evaluator.values(part, scope, value);
  return extend(
    objects,
    () => values(entry.key),
    () => values(entry.value),
  );
}

function* extend(
  objects: Iterable<ReadonlyMap<string, JqValue>>,
  keys: () => Iterable<JqValue>,
  items: () => Iterable<JqValue>,
): Generator<ReadonlyMap<string, JqValue>, void, undefined> {
  for (const object of objects) {
    for (const name of keys()) {
      if (typeof name !== "string")
        throw new JqError(`expected a string for object key but got: ${describe(name)}`);
      for (const member of items()) yield new Map(object).set(name, member);
    }
  }
}
