import { ExecutorError, errorCode, errorText, fromLanguage } from "../errors/index.ts";
import { anyString, type Parameter } from "../template/index.ts";

/**
 * The parameters with their values (docs/contract/roles.md#2.7). A path that leads nowhere is no error: jsonPath gives an
 * empty text, jqFilter `null`. Throws BadRequest for an expression that is wrong, naming the parameter.
 * @param object the object's JSON, or undefined where there is none: defaults hold then
 */
export async function readOutputParameters(
  parameters: readonly Parameter[],
  object: string | undefined,
): Promise<readonly Parameter[]> {
  const read: Parameter[] = [];
  for (const parameter of parameters) {
    if (!parameter.valueFrom) read.push(parameter);
    else if (object === undefined) {
      read.push({ ...parameter, value: anyString(parameter.valueFrom.default ?? "") });
    } else {
      const value = await evaluate(parameter, object);
      read.push(value === undefined ? parameter : { ...parameter, value });
    }
  }
  return read;
}

/** Undefined where the parameter has no expression. With both, jq reads what jsonPath has found. */
async function evaluate({ name, valueFrom }: Parameter, object: string): Promise<string | undefined> {
  const { jsonPath, jqFilter } = valueFrom ?? {};
  if (!jsonPath && !jqFilter) return undefined;
  let text = object;
  if (jsonPath) {
    const { evaluateJsonpath, parseTree } = await import("../../languages/jsonpath/index.ts");
    try {
      text = evaluateJsonpath(jsonPath, parseTree(text), { timeMs: budgetMs });
    } catch (error) {
      throw wrong(
        name,
        `error executing jsonpath ${JSON.stringify(jsonPath)}: Error executing template`,
        error,
      );
    }
  }
  if (!jqFilter) return text;
  const { evaluateJq, parseTree } = await import("../../languages/jq/index.ts");
  try {
    return evaluateJq(jqFilter, parseTree(text), { timeMs: budgetMs });
  } catch (error) {
    throw wrong(name, `error executing jqFilter ${JSON.stringify(jqFilter)}`, error);
  }
}

const budgetMs = 5000;

function wrong(name: string, during: string, error: unknown): ExecutorError {
  const text = `error: ${during}: ${errorText(error)} (output parameter ${name})`;
  return new ExecutorError(errorCode(fromLanguage(error)), text, { cause: error });
}
