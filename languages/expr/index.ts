/** The expression language (docs/contract/expressions.md#1). */

import { Budget, type Limits } from "../budget.ts";
import { LanguageError } from "../errors/index.ts";
import { guarded } from "../guarded.ts";
import { checkTypes, type EnvTypes, isBuiltinName } from "./checker.ts";
import { compile } from "./compile.ts";
import { encodeJson } from "./encode.ts";
import { Machine } from "./machine.ts";
import { optimize } from "./optimizer.ts";
import { parseExpression } from "./parser.ts";
import { sourceError } from "./source-error.ts";
import { typeOfValue } from "./types.ts";
import type { Value } from "./values.ts";

export { Budget, type Limits } from "../budget.ts";
export { LanguageError } from "../errors/index.ts";
export { type JsonTree, parseTree } from "../text/json-tree.ts";
export type { EnvTypes } from "./checker.ts";
export { displayText } from "./display.ts";
export { environmentOf, type TypedPaths } from "./environment.ts";
export { TextList, type Texts } from "./text-list.ts";
export type { Type } from "./types.ts";
export { Header, List, nilList, type Value } from "./values.ts";

/** An expression that may be evaluated any number of times. */
export interface Expression {
  /** Throws LanguageError with the place of the error; memory and time when a limit is reached. */
  evaluate(env: ReadonlyMap<string, Value>, budget?: Budget): Value;
}

/** The types of environment values, as the checker wants them. */
export function typesOfEnv(env: ReadonlyMap<string, Value>): EnvTypes {
  return new Map(Array.from(env, ([name, value]) => [name, typeOfValue(value)]));
}

/**
 * Parses, checks and prepares an expression against the types of its environment ({@link typesOfEnv}); `limits` are
 * those of each evaluation. Throws LanguageError with the message and place that users know
 * (docs/contract/expressions.md#1.12).
 */
export function compileExpr(source: string, types: EnvTypes, limits: Limits = {}): Expression {
  return guarded(() => {
    const isOverridden = (name: string): boolean => types.has(name);
    const tree = parseExpression(source, { isBuiltin: isBuiltinName, isOverridden });
    checkTypes(tree, source, types);
    const program = compile(optimize(tree, source));
    return {
      evaluate: (env, budget = new Budget(limits)) => {
        const machine = new Machine(env, budget);
        return guarded(() => {
          try {
            return machine.run(program);
          } catch (error) {
            if (!(error instanceof LanguageError)) throw error;
            const at = program.places[machine.next - 1] ?? 0;
            throw sourceError(source, at, error.message, error.code, error.cause);
          }
        });
      },
    };
  });
}

/** The JSON text of a result. Throws LanguageError for what JSON cannot hold. */
export function resultJson(value: Value, budget = new Budget()): string {
  return guarded(() => encodeJson(value, budget));
}
