/** The small languages of the executor's templates (contract expressions.md). */
import { Budget } from "./budget.ts";
import {
  compileExpression,
  displayText,
  type EnvTypes,
  Header,
  List,
  nilList,
  resultJson,
  typesOfEnv,
  type Value,
} from "./expr/index.ts";
import type { JsonTree } from "./text/json-tree.ts";

export { evaluateBatch } from "./batch.ts";
export { environmentOf, type TypedPaths } from "./environment.ts";
export { type EvaluationRequest, evaluate, type Language, languageOf, languages } from "./evaluate.ts";
export { type GjsonResult, query as queryGjson } from "./gjson/index.ts";
export { evaluateTemplate as evaluateJsonpath } from "./jsonpath/index.ts";
export {
  matches,
  matchesAll,
  type Operator,
  parseSelector,
  type Requirement,
  requirementText,
} from "./labels/index.ts";
export { parseTree } from "./text/json-tree.ts";
export {
  Budget,
  displayText,
  type EnvTypes,
  Header,
  type JsonTree,
  List,
  nilList,
  resultJson,
  typesOfEnv,
  type Value,
};

export interface CompileOptions {
  /** How long one evaluation may take, in milliseconds; default 5,000. */
  readonly timeMs?: number;
}

const defaultTimeMs = 5_000;

/** A checked expression. */
export interface Expression {
  /** The value. Throws BadRequest with the place of the error, TooLarge or Timeout. */
  readonly evaluate: (env: ReadonlyMap<string, Value>) => Value;
}

/**
 * Parses and checks an expression against the types of its environment ({@link typesOfEnv}).
 * Throws BadRequest with the message and place that users of Argo know (contract expressions.md 1.12).
 */
export function compileExpr(text: string, envTypes: EnvTypes, options: CompileOptions = {}): Expression {
  const compiled = compileExpression(text, envTypes);
  return { evaluate: (env) => compiled.evaluate(env, new Budget(options.timeMs ?? defaultTimeMs)) };
}

/** Applies a jq filter to a document; the output values as text, one a line, trimmed (contract expressions.md 5). */
export async function evaluateJq(
  filter: string,
  document: JsonTree,
  options: CompileOptions = {},
): Promise<string> {
  const { evaluateFilter } = await import("./jq/index.ts");
  return evaluateFilter(filter, document, new Budget(options.timeMs ?? defaultTimeMs));
}
