import type { Value } from "../../languages/expr/index.ts";
import { ExecutorError, fromLanguage } from "../errors/index.ts";
import type { DataTemplate } from "../template/index.ts";
import type { SourceKeys } from "./source.ts";

const budgetMs = 60_000;

/**
 * The JSON of what the expressions make of the keys, one after the other (docs/contract/roles.md#3, steps 4 and 5). A list
 * of keys that no expression touches needs no languages. Throws BadRequest naming the step.
 */
export async function transformKeys(
  source: SourceKeys,
  { transformation = [] }: DataTemplate,
): Promise<string> {
  const steps = transformation.map(({ expression = "" }) => expression);
  if (steps.every((expression) => expression === "")) return plainJson(source);
  const { Budget, compileExpr, List, resultJson, typesOfEnv } = await import("../../languages/expr/index.ts");
  const isNil = source.keys.length === 0 && source.isNilWhenEmpty;
  let data: Value = new List(source.keys, "string", isNil);
  for (const [index, expression] of steps.entries()) {
    if (expression === "") continue;
    try {
      const env: ReadonlyMap<string, Value> = new Map([["data", data]]);
      data = compileExpr(expression, typesOfEnv(env), { timeMs: budgetMs }).evaluate(env);
    } catch (error) {
      throw ExecutorError.wrap(fromLanguage(error), `error processing data step ${index}`);
    }
  }
  return resultJson(data, new Budget({ timeMs: budgetMs }));
}

/** As Go's encoder writes a list of texts. */
function plainJson({ keys, isNilWhenEmpty }: SourceKeys): string {
  if (keys.length === 0 && isNilWhenEmpty) return "null";
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(keys).replace(/[<>&\u2028\u2029]/g, escaped);
}
