/** The expression language (contract expressions.md section 1). */
import { ExecutorError } from "../../src/errors/index.ts";
import type { Budget } from "../budget.ts";
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

export type { EnvTypes } from "./checker.ts";
export { decodeJson, numberValue } from "./decode.ts";
export { displayText } from "./display.ts";
export type { Type } from "./types.ts";
export { Header, List, nilList, type Value } from "./values.ts";

/** An expression that may be evaluated any number of times. */
export interface CompiledExpression {
  /** Throws BadRequest with the place of the error; TooLarge and Timeout when a limit is reached. */
  evaluate(env: ReadonlyMap<string, Value>, budget: Budget): Value;
}

/** The types of environment values, as the checker wants them. */
export function typesOfEnv(env: ReadonlyMap<string, Value>): EnvTypes {
  return new Map(Array.from(env, ([name, value]) => [name, typeOfValue(value)]));
}

/** Parses, checks and prepares an expression. Throws BadRequest with the place of the first error. */
export function compileExpression(source: string, types: EnvTypes): CompiledExpression {
  return guarded(() => {
    const isOverridden = (name: string): boolean => types.has(name);
    const tree = parseExpression(source, { isBuiltin: isBuiltinName, isOverridden });
    checkTypes(tree, source, types);
    const program = compile(optimize(tree, source));
    return {
      evaluate: (env, budget) => {
        const machine = new Machine(env, budget);
        return guarded(() => {
          try {
            return machine.run(program);
          } catch (error) {
            if (!(error instanceof ExecutorError)) throw error;
            const at = program.places[machine.next - 1] ?? 0;
            throw sourceError(source, at, error.message, error.code, error.cause);
          }
        });
      },
    };
  });
}

/** The JSON text of a result. Throws BadRequest for what JSON cannot hold. */
export function resultJson(value: Value, budget: Budget): string {
  return guarded(() => encodeJson(value, budget));
}
