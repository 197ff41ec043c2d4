/** Builtins that run their arguments: paths, limits, folds by key. */
import { LanguageError } from "../../errors/index.ts";
import type { Evaluator } from "../evaluator.ts";
import type { NativeGenerator } from "../native.ts";
import { checkPath, computed, type Out, type Outs, plain } from "../out.ts";
import { entriesOf, getPath } from "../paths.ts";
import { notApplicable } from "../problems.ts";
import type { Closure } from "../scope.ts";
import { compare, describe, encode, isArray, isNumber, isTruthy, JqError, type JqValue } from "../values.ts";

export const streamFunctions: Readonly<Record<string, NativeGenerator>> = {
  "empty/0": function* () {},
  "error/0": function* (_, __, input) {
    yield raise(input.value);
  },
  "error/1": function* (evaluator, [message], input) {
    for (const value of valuesOf(evaluator, message, input)) yield raise(value);
  },
  "halt/0": function* () {
    yield halt(null);
  },
  "halt_error/0": function* (_, __, input) {
    yield halt(input.value);
  },
  "halt_error/1": function* (evaluator, [code], input) {
    for (const value of valuesOf(evaluator, code, input)) {
      if (!isNumber(value)) throw notApplicable("halt_error", value);
      yield halt(input.value);
    }
  },
  "input/0": function* () {
    yield notAllowed();
  },
  "inputs/0": function* () {
    yield notAllowed();
  },
  "path/1": function* (evaluator, [target], input) {
    if (target === undefined) return;
    for (const path of evaluator.paths(target.filter, target.scope, input.value)) yield computed(path, input);
  },
  "getpath/1": function* (evaluator, [target], input) {
    for (const path of valuesOf(evaluator, target, input)) {
      const value = getPath(input.value, path);
      checkPath(input);
      yield { value, path: input.path && isArray(path) ? [...input.path, ...path] : input.path, at: value };
    }
  },
  "recurse/0": (evaluator, _, input) => evaluator.recurse(input, (each) => evaluator.iterate(each, true)),
  "recurse/1": (evaluator, [step], input) =>
    evaluator.recurse(input, (each) => outsOf(evaluator, step, each)),
  "_until/2": function* (evaluator, [condition, update], input) {
    const stack: Out[] = [input];
    for (let each = stack.pop(); each !== undefined; each = stack.pop()) {
      for (const isDone of valuesOf(evaluator, condition, each)) {
        if (isTruthy(isDone)) yield each;
        else stack.push(...[...outsOf(evaluator, update, each)].reverse());
      }
    }
  },
  "range/1": (evaluator, [to], input) => ranges(evaluator, [undefined, to, undefined], input),
  "range/2": (evaluator, [from, to], input) => ranges(evaluator, [from, to, undefined], input),
  "range/3": (evaluator, [from, to, by], input) => ranges(evaluator, [from, to, by], input),
  "limit/2": function* (evaluator, [count, source], input) {
    for (const limit of countsOf(evaluator, count, input, "limit")) {
      if (isNumber(limit)) {
        if (limit > 0) yield* take(outsOf(evaluator, source, input), Number(limit));
      } else for (const _ of outsOf(evaluator, source, input)) throw notCounted(limit);
    }
  },
  "skip/2": function* (evaluator, [count, source], input) {
    for (const skipped of countsOf(evaluator, count, input, "skip")) {
      let left = isNumber(skipped) ? Number(skipped) : undefined;
      for (const out of outsOf(evaluator, source, input)) {
        if (left === undefined) throw notCounted(skipped);
        if (left === 0 || --left < 0) yield out;
        if (left < 0) left = 0;
      }
    }
  },
  "first/1": (evaluator, [source], input) => take(outsOf(evaluator, source, input), 1),
  "last/1": function* (evaluator, [source], input) {
    let last: Out | undefined;
    for (const out of outsOf(evaluator, source, input)) last = out;
    if (last !== undefined) yield last;
  },
  "any/2": (evaluator, args, input) => quantify(evaluator, args, input, true),
  "all/2": (evaluator, args, input) => quantify(evaluator, args, input, false),
  "sort_by/1": (evaluator, args, input) =>
    byKey(evaluator, args, input, "sort_by", (keyed) => keyed.map(({ value }) => value)),
  "group_by/1": (evaluator, args, input) =>
    byKey(evaluator, args, input, "group_by", (keyed) =>
      groups(keyed).map((group) => group.map(({ value }) => value)),
    ),
  "unique_by/1": (evaluator, args, input) =>
    byKey(evaluator, args, input, "unique_by", (keyed) =>
      groups(keyed).map((group) => group[0]?.value ?? null),
    ),
  "min_by/1": (evaluator, args, input) =>
    byKey(evaluator, args, input, "min_by", (keyed) => keyed[0]?.value ?? null),
  "max_by/1": (evaluator, args, input) =>
    byKey(evaluator, args, input, "max_by", (keyed) => keyed.at(-1)?.value ?? null),
};

function* outsOf(evaluator: Evaluator, closure: Closure | undefined, input: Out): Outs {
  if (closure !== undefined) yield* evaluator.run(closure.filter, closure.scope, input);
}

function* valuesOf(evaluator: Evaluator, closure: Closure | undefined, input: Out): Generator<JqValue, void> {
  if (closure !== undefined) yield* evaluator.values(closure.filter, closure.scope, input.value);
}

function* countsOf(
  evaluator: Evaluator,
  closure: Closure | undefined,
  input: Out,
  name: string,
): Generator<JqValue, void> {
  for (const value of valuesOf(evaluator, closure, input)) {
    // Whatever comes before zero in the order of all values counts as negative.
    if (compare(value, 0) < 0) raise(`${name} doesn't support negative count`);
    yield value;
  }
}

function notCounted(value: JqValue): JqError {
  return new JqError(`cannot subtract: ${describe(value)} and number (1)`);
}

function* take(outs: Outs, count: number): Outs {
  let left = count;
  for (const out of outs) {
    yield out;
    if (--left <= 0) return;
  }
}

function raise(value: JqValue): never {
  throw new JqError(`error: ${typeof value === "string" ? value : encode(value)}`, value);
}

/** Ends the filter; no try catches it. */
function halt(value: JqValue): never {
  throw new LanguageError("evaluation", `halt error: ${encode(value)}`);
}

function notAllowed(): never {
  throw new JqError("input(s)/0 is not allowed");
}

function* ranges(evaluator: Evaluator, [from, to, by]: readonly (Closure | undefined)[], input: Out): Outs {
  const zero: readonly JqValue[] = [0n];
  const one: readonly JqValue[] = [1n];
  for (const start of from === undefined ? zero : valuesOf(evaluator, from, input)) {
    for (const end of valuesOf(evaluator, to, input)) {
      for (const step of by === undefined ? one : valuesOf(evaluator, by, input)) {
        for (const value of numbersBetween(start, end, step)) {
          evaluator.budget.step();
          yield computed(value, input);
        }
      }
    }
  }
}

function* numbersBetween(start: JqValue, end: JqValue, step: JqValue): Generator<JqValue, void> {
  for (const bound of [start, end, step]) {
    if (!isNumber(bound)) throw new JqError(`range cannot be applied to: ${describe(bound)}`);
  }
  if (typeof start === "bigint" && typeof step === "bigint" && isNumber(end)) {
    for (let value = start; step > 0n ? value < end : step < 0n && value > end; value += step) yield value;
    return;
  }
  const by = Number(step);
  const limit = Number(end);
  for (let value = Number(start); by > 0 ? value < limit : by < 0 && value > limit; value += by) yield value;
}

function* quantify(evaluator: Evaluator, args: readonly Closure[], input: Out, decides: boolean): Outs {
  const [source, condition] = args;
  for (const value of valuesOf(evaluator, source, input)) {
    for (const holds of valuesOf(evaluator, condition, plain(value))) {
      if (isTruthy(holds) === decides) {
        yield computed(decides, input);
        return;
      }
    }
  }
  yield computed(!decides, input);
}

interface Keyed {
  readonly key: JqValue;
  readonly value: JqValue;
}

/** The elements in the order of their keys, equal ones in the order they came. */
function* byKey(
  evaluator: Evaluator,
  [key]: readonly Closure[],
  input: Out,
  name: string,
  result: (keyed: readonly Keyed[]) => JqValue,
): Outs {
  const list = input.value;
  // The keys come first, so that what can be iterated fails for its keys, or later.
  const keys = entriesOf(list).map(([, value]) =>
    key === undefined ? value : evaluator.collect(key.filter, key.scope, value),
  );
  if (!isArray(list)) throw notApplicable(name, list, keys);
  const keyed = list.map((value, i): Keyed => {
    return { key: keys[i] ?? null, value };
  });
  keyed.sort((a, b) => {
    evaluator.budget.step();
    return compare(a.key, b.key);
  });
  yield computed(result(keyed), input);
}

function groups(keyed: readonly Keyed[]): Keyed[][] {
  const all: Keyed[][] = [];
  for (const each of keyed) {
    const last = all.at(-1);
    if (last?.[0] !== undefined && compare(last[0].key, each.key) === 0) last.push(each);
    else all.push([each]);
  }
  return all;
}
