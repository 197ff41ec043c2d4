/** `reduce`, `foreach` and `as`: filters that bind variables. */
import { type Filter, variablesOf } from "./ast.ts";
import { destructure } from "./destructure.ts";
import type { Evaluator } from "./evaluator.ts";
import type { Out, Outs } from "./out.ts";
import type { Scope } from "./scope.ts";
import { JqError } from "./values.ts";

export function* reduce(
  evaluator: Evaluator,
  filter: Filter & { kind: "reduce" },
  scope: Scope,
  input: Out,
): Outs {
  for (const start of evaluator.run(filter.start, scope, input)) {
    let state: Out = start;
    for (const item of evaluator.values(filter.source, scope, input.value)) {
      for (const bound of destructure(evaluator, filter.pattern, item, scope)) {
        // Without a value of the update the state stays.
        const before = state;
        for (const out of evaluator.run(filter.update, bound, before)) state = out;
      }
    }
    yield state;
  }
}

export function* foreach(
  evaluator: Evaluator,
  filter: Filter & { kind: "foreach" },
  scope: Scope,
  input: Out,
): Outs {
  for (const start of evaluator.run(filter.start, scope, input)) {
    let state: Out = start;
    for (const item of evaluator.values(filter.source, scope, input.value)) {
      for (const bound of destructure(evaluator, filter.pattern, item, scope)) {
        for (const out of evaluator.run(filter.update, bound, state)) {
          state = out;
          if (filter.extract === undefined) yield out;
          else yield* evaluator.run(filter.extract, bound, out);
        }
      }
    }
  }
}

/** With `?//` an error under one pattern leads to the next. */
export function* bind(
  evaluator: Evaluator,
  filter: Filter & { kind: "bind" },
  scope: Scope,
  input: Out,
): Outs {
  const all = filter.patterns.length > 1 ? filter.patterns.flatMap(variablesOf) : [];
  const base = all.reduce<Scope>((parent, name) => ({ parent, variable: { name, value: null } }), scope);
  for (const value of evaluator.values(filter.source, scope, input.value)) {
    for (const [i, pattern] of filter.patterns.entries()) {
      try {
        for (const bound of destructure(evaluator, pattern, value, base))
          yield* evaluator.run(filter.body, bound, input);
        break;
      } catch (error) {
        if (!(error instanceof JqError) || i === filter.patterns.length - 1) throw error;
      }
    }
  }
}
