/** Assignments: `=`, `|=` and the arithmetic ones. */
import { binaryValue } from "./arithmetic.ts";
import type { Filter } from "./ast.ts";
import type { Evaluator } from "./evaluator.ts";
import { computed, type Out, type Outs } from "./out.ts";
import { deletePaths, getPath, setAt, setPath } from "./paths.ts";
import type { Scope } from "./scope.ts";
import { isNumber, isTruthy, type JqValue } from "./values.ts";

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
    if (operator === "=") {
      // A plain path is not looked up before it is set, so that what fails is the setting.
      const known = plainPath(left);
      let result = input.value;
      // Neither the paths nor the value are read from the result: nobody sees it before its end.
      const fresh = new Set<JqValue>();
      for (const path of known === undefined ? evaluator.paths(left, scope, input.value) : [known])
        result = setAt(result, { path, replacement: value, budget, fresh });
      yield computed(result, input);
      continue;
    }
    const update = (old: JqValue): readonly JqValue[] => {
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
    else result = setPath(result, path, updated, evaluator.budget);
  }
  return deletePaths(result, deleted, evaluator.budget);
}

/** The path of `.a["b"][0][1:]`; undefined where something has to be evaluated for it. */
function plainPath(filter: Filter): readonly JqValue[] | undefined {
  if (filter.kind === "identity") return [];
  const key = filter.kind === "index" || filter.kind === "slice" ? plainKey(filter) : undefined;
  if (key === undefined) return undefined;
  const above = plainPath((filter as Filter & { kind: "index" | "slice" }).target);
  return above && [...above, key];
}

function plainKey(filter: Filter & { kind: "index" | "slice" }): JqValue | undefined {
  if (filter.kind === "index") return plainValue(filter.index);
  const start = filter.from === undefined ? null : plainValue(filter.from);
  const end = filter.to === undefined ? null : plainValue(filter.to);
  if (start === undefined || end === undefined) return undefined;
  return new Map([
    ["start", start],
    ["end", end],
  ]);
}

function plainValue(filter: Filter): string | bigint | number | undefined {
  if (filter.kind === "literal") {
    const { value } = filter;
    return typeof value === "string" || isNumber(value) ? value : undefined;
  }
  const size = filter.kind === "signed" ? plainValue(filter.operand) : undefined;
  if (filter.kind !== "signed" || size === undefined || typeof size === "string") return undefined;
  return filter.sign === "-" ? -size : size;
}
