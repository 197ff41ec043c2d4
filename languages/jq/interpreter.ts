/** Runs filters as generators, with the path of each value where one is wanted. */
import type { Budget } from "../budget.ts";
import type { RegexpCache } from "../text/regexp.ts";
import { alternative, binaryValue, signedValue } from "./arithmetic.ts";
import { assign } from "./assignment.ts";
import type { Filter } from "./ast.ts";
import { buildObjects, interpolate } from "./compose.ts";
import { BreakSignal, callDefined, runLabel, runTry } from "./control.ts";
import type { Evaluator } from "./evaluator.ts";
import { bind, foreach, reduce } from "./folds.ts";
import { applyFormat } from "./formats.ts";
import type { BuiltinLibrary } from "./library.ts";
import { access, below, checkPath, computed, isInPlace, type Out, type Outs, plain, root } from "./out.ts";
import { entriesOf, indexValue, sliceValue } from "./paths.ts";
import {
  bindParameter,
  type Closure,
  lookUpFunction,
  lookUpLabel,
  lookUpVariable,
  type Scope,
} from "./scope.ts";
import { isSingle } from "./single.ts";
import { describe, isArray, isObject, isTruthy, JqError, type JqValue } from "./values.ts";

export class Interpreter implements Evaluator {
  readonly budget: Budget;
  readonly regexps: RegexpCache;
  readonly #library: BuiltinLibrary;

  constructor(budget: Budget, regexps: RegexpCache, library: BuiltinLibrary) {
    this.budget = budget;
    this.regexps = regexps;
    this.#library = library;
  }

  /**
   * The values of a filter. What comes last in it runs in the same loop, not in a generator of its own, so that a
   * function that calls itself last does not deepen the stack.
   */
  *run(outermost: Filter, outerScope: Scope, outerInput: Out): Outs {
    let filter = outermost;
    let scope = outerScope;
    let input = outerInput;
    for (;;) {
      this.budget.step();
      switch (filter.kind) {
        case "identity":
          yield input;
          return;
        case "recurse":
          yield* this.recurse(input, (each) => this.iterate(each, true));
          return;
        case "literal":
          yield computed(filter.value, input);
          return;
        case "string":
          for (const text of interpolate(this, filter, 0, scope, input)) yield computed(text, input);
          return;
        case "format":
          yield computed(applyFormat(filter.name, input.value), input);
          return;
        case "index":
          yield* this.#index(filter, scope, input);
          return;
        case "slice":
          yield* this.#slice(filter, scope, input);
          return;
        case "iterate":
          for (const target of this.run(filter.target, scope, input)) {
            yield* this.iterate(target, false);
          }
          return;
        case "array":
          yield computed(filter.body ? this.collect(filter.body, scope, input.value) : [], input);
          return;
        case "object":
          for (const object of buildObjects(this, filter.entries.length, filter, scope, input.value))
            yield computed(object, input);
          return;
        case "signed":
          for (const value of this.values(filter.operand, scope, input.value))
            yield computed(signedValue(filter.sign, value), input);
          return;
        case "pipe":
          if (isSingle(filter.left, scope, this.#library)) {
            input = this.#single(filter.left, scope, input);
            filter = filter.right;
            continue;
          }
          for (const left of this.run(filter.left, scope, input)) yield* this.run(filter.right, scope, left);
          return;
        case "comma":
          yield* this.run(filter.left, scope, input);
          filter = filter.right;
          continue;
        case "binary":
          yield* this.#binary(filter, scope, input);
          return;
        case "assign":
          yield* assign(this, filter, scope, input);
          return;
        case "if":
          if (isSingle(filter.condition, scope, this.#library)) {
            const condition = this.#single(filter.condition, scope, plain(input.value));
            filter = isTruthy(condition.value) ? filter.then : filter.otherwise;
            continue;
          }
          for (const condition of this.values(filter.condition, scope, input.value)) {
            yield* this.run(isTruthy(condition) ? filter.then : filter.otherwise, scope, input);
          }
          return;
        case "try":
          yield* runTry(this, filter, scope, input);
          return;
        case "reduce":
          yield* reduce(this, filter, scope, input);
          return;
        case "foreach":
          yield* foreach(this, filter, scope, input);
          return;
        case "bind": {
          const [pattern] = filter.patterns;
          const isPlain = filter.patterns.length === 1 && pattern?.kind === "variable";
          if (isPlain && isSingle(filter.source, scope, this.#library)) {
            const { value } = this.#single(filter.source, scope, plain(input.value));
            scope = { parent: scope, variable: { name: pattern.name, value } };
            filter = filter.body;
            continue;
          }
          yield* bind(this, filter, scope, input);
          return;
        }
        case "def":
          scope = { parent: scope, definition: filter.definition };
          filter = filter.body;
          continue;
        case "label":
          yield* runLabel(this, filter, scope, input);
          return;
        case "break":
          throw new BreakSignal(lookUpLabel(scope, filter.name) ?? Symbol(filter.name));
        case "variable":
          yield computed(
            lookUpVariable(scope, filter.name) ?? (filter.name === "ENV" ? new Map() : null),
            input,
          );
          return;
        case "call": {
          const tail = this.#enter(filter, scope, input);
          if (tail === undefined) {
            yield* this.#call(filter, scope, input);
            return;
          }
          filter = tail.filter;
          scope = tail.scope;
        }
      }
    }
  }

  /** The values alone, without paths. */
  *values(filter: Filter, scope: Scope, value: JqValue): Generator<JqValue, void, undefined> {
    for (const out of this.run(filter, scope, plain(value))) yield out.value;
  }

  collect(filter: Filter, scope: Scope, value: JqValue): JqValue[] {
    const values: JqValue[] = [];
    for (const each of this.values(filter, scope, value)) {
      this.budget.chargeValues(1);
      values.push(each);
    }
    return values;
  }

  /** The paths that a filter leads to. Throws for values that do not lie in the input. */
  *paths(filter: Filter, scope: Scope, value: JqValue): Generator<readonly JqValue[], void, undefined> {
    for (const out of this.run(filter, scope, root(value))) {
      checkPath(out);
      yield out.path ?? [];
    }
  }

  /** All members or elements; `isLenient` passes scalars over. */
  *iterate(target: Out, isLenient: boolean): Outs {
    const isContainer = isArray(target.value) || isObject(target.value);
    if (isLenient && !(isContainer && isInPlace(target))) return;
    if (isContainer && !isInPlace(target))
      throw new JqError(`invalid path on iterating against: ${describe(target.value)}`);
    for (const [key, value] of entriesOf(target.value)) {
      this.budget.step();
      yield below(key, value, target);
    }
  }

  /** The input, then the same for each of its descendants, on a stack of our own. */
  *recurse(input: Out, step: (each: Out) => Outs): Outs {
    const stack: Outs[] = [];
    yield input;
    stack.push(step(input));
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      this.budget.step();
      const next = top.next();
      if (next.done === true) {
        stack.pop();
        continue;
      }
      yield next.value;
      // A generator that waits takes the room of many values.
      this.budget.chargeValues(20);
      stack.push(step(next.value));
    }
  }

  *#index(filter: Filter & { kind: "index" }, scope: Scope, input: Out): Outs {
    for (const key of this.values(filter.index, scope, input.value)) {
      for (const target of this.run(filter.target, scope, input)) {
        yield access(key, indexValue(target.value, key), target);
      }
    }
  }

  *#slice(filter: Filter & { kind: "slice" }, scope: Scope, input: Out): Outs {
    const { from, to } = filter;
    for (const start of from === undefined ? [null] : this.values(from, scope, input.value)) {
      for (const end of to === undefined ? [null] : this.values(to, scope, input.value)) {
        const key = new Map<string, JqValue>([
          ["start", start],
          ["end", end],
        ]);
        for (const target of this.run(filter.target, scope, input)) {
          yield access(key, sliceValue(target.value, start, end), target);
        }
      }
    }
  }

  *#binary(filter: Filter & { kind: "binary" }, scope: Scope, input: Out): Outs {
    const { operator, left, right } = filter;
    if (operator === "//") {
      yield* alternative(this.run(left, scope, input), () => this.run(right, scope, input));
      return;
    }
    if (operator === "and" || operator === "or") {
      for (const first of this.values(left, scope, input.value)) {
        if (isTruthy(first) === (operator === "or")) yield computed(operator === "or", input);
        else
          for (const second of this.values(right, scope, input.value))
            yield computed(isTruthy(second), input);
      }
      return;
    }
    for (const second of this.values(right, scope, input.value)) {
      for (const first of this.values(left, scope, input.value)) {
        yield computed(binaryValue(operator, first, second, this.budget), input);
      }
    }
  }

  /** The only value of a filter that has exactly one. */
  #single(filter: Filter, scope: Scope, input: Out): Out {
    for (const out of this.run(filter, scope, input)) return out;
    return computed(null, input);
  }

  /** The body of a function with its parameters bound, when each of them stands for one thing only. */
  #enter(filter: Filter & { kind: "call" }, scope: Scope, input: Out): Closure | undefined {
    const { name, args } = filter;
    const found = lookUpFunction(scope, name, args.length) ?? this.#library.definition(name, args.length);
    if (found?.closure !== undefined) return found.closure.closure;
    if (found?.definition === undefined) return undefined;
    const { parameters, body } = found.definition;
    let inner = found;
    for (const [i, parameter] of parameters.entries()) {
      const arg = args[i];
      if (arg === undefined) return undefined;
      if (!parameter.startsWith("$")) {
        inner = { parent: inner, closure: { name: parameter, closure: { filter: arg, scope } } };
        continue;
      }
      if (!isSingle(arg, scope, this.#library)) return undefined;
      const { value } = this.#single(arg, scope, plain(input.value));
      inner = bindParameter(inner, parameter.slice(1), value, { filter: arg, scope });
    }
    return { filter: body, scope: inner };
  }

  *#call(filter: Filter & { kind: "call" }, scope: Scope, input: Out): Outs {
    const { name, args } = filter;
    const found = lookUpFunction(scope, name, args.length) ?? this.#library.definition(name, args.length);
    if (found?.closure !== undefined) {
      const { closure } = found.closure;
      yield* this.run(closure.filter, closure.scope, input);
    } else if (found?.definition !== undefined) {
      const { parameters, body } = found.definition;
      yield* callDefined(this, { parameters, args, body, outer: scope }, found, input);
    } else {
      const closures = args.map((arg): Closure => ({ filter: arg, scope }));
      yield* this.#library.call(this, name, closures, input);
    }
  }
}
