/** Assignments: `=`, `|=` and the arithmetic ones. */
import { binaryValue } from "./arithmetic.ts";
import type { Filter } from "./ast.ts";
import type { Evaluator } from "./evaluator.ts";
import { computed, type Out, type Outs } from "./out.ts";
import { deletePaths, getPath, updatePath } from "./paths.ts";
import type { Scope } from "./scope.ts";
import { isTruthy, type JqValue } from "./values.ts";

export function* assign(
  evaluator: Evaluator,
  filter: Filter & { kind: "assign" },
  scope: Scope,
  input: Out,
): Outs {
  const { operator, left, right } = filter;
  const { budget } = evaluator;
  if (operator === "|=") {
    const update = (old: JqValue): readonly JqValue[] => {
      for (const value of evaluator.values(right, scope, old)) return [value];
      return [];
    };
    yield computed(modify(evaluator, left, scope, input.value, update), input);
    return;
  }
  for (const value of evaluator.values(right, scope, input.value)) {
    const update = (old: JqValue): readonly JqValue[] => {
      if (operator === "=") return [value];
      if (operator === "//=") return [isTruthy(old) ? old : value];
      return [binaryValue(operator.slice(0, -1), old, value, budget)];
    };
    yield computed(modify(evaluator, left, scope, input.value, update), input);
  }
}

/** Replaces what lies at each path by the first value of the update, and deletes where there is none. */
export function modify(
  evaluator: Evaluator,
  target: Filter,
  scope: Scope,
  value: JqValue,
  update: (old: JqValue) => readonly JqValue[],
): JqValue {
  const deleted: JqValue[] = [];
  let result = value;
  for (const path of evaluator.paths(target, scope, value)) {
    const [updated] = update(getPath(result, path));
    if (updated === undefined) deleted.push(path);
    else result = updatePath(result, path, () => updated, evaluator.budget);
  }
  return deletePaths(result, deleted, evaluator.budget);
}
