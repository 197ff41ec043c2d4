import type { Texts, Value } from "../../languages/expr/index.ts";
import { ExecutorError, fromLanguage } from "../errors/index.ts";
import { objectBytesMax } from "../kube/index.ts";
import type { DataTemplate } from "../template/index.ts";
import type { SourceKeys } from "./source.ts";

const budgetMs = 60_000;

/**
 * The JSON of what the expressions make of the keys, one after the other (docs/contract/roles.md#3, steps 4 and 5). A list
 * of keys that no expression touches needs no languages. Throws BadRequest naming the step, and TooLarge for a list that
 * no task result can hold, before its text is made.
 */
export async function transformKeys(
  source: SourceKeys,
  { transformation = [] }: DataTemplate,
): Promise<string> {
  const steps = transformation.map(({ expression = "" }) => expression);
  const isNil = source.keys.length === 0 && source.isNilWhenEmpty;
  if (steps.every((expression) => expression === "")) return isNil ? "null" : jsonOfTexts(source.keys);
  const { Budget, compileExpr, List, resultJson, TextList, typesOfEnv } = await import(
    "../../languages/expr/index.ts"
  );
  let data: Value = new TextList(source.keys, isNil);
  for (const [index, expression] of steps.entries()) {
    if (expression === "") continue;
    try {
      const env: ReadonlyMap<string, Value> = new Map([["data", data]]);
      data = compileExpr(expression, typesOfEnv(env), { timeMs: budgetMs }).evaluate(env);
    } catch (error) {
      throw ExecutorError.wrap(fromLanguage(error), `error processing data step ${index}`);
    }
  }
  if (data instanceof List) checkRoom(data);
  return resultJson(data, new Budget({ timeMs: budgetMs }));
}

/** As Go's encoder writes a list of texts. */
function jsonOfTexts(texts: Texts): string {
  checkRoom(texts);
  const keys = Array.from({ length: texts.length }, (_, index) => texts.at(index));
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(keys).replace(/[<>&\u2028\u2029]/g, escaped);
}

/** Throws TooLarge for a list whose texts alone, without what escapes add, are more than a task result can hold. */
function checkRoom(list: { readonly length: number; at(index: number): unknown }): void {
  let bytes = "[]".length;
  for (let index = 0; index < list.length; index += 1) {
    const item = list.at(index);
    bytes += typeof item === "string" ? item.length + '"",'.length : 1;
    if (bytes <= objectBytesMax) continue;
    throw new ExecutorError(
      "TooLarge",
      `the result is a list of ${list.length} that is larger than ${objectBytesMax} bytes as JSON, which is what a task result can hold: let an expression choose or count`,
    );
  }
}
