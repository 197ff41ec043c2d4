/** One entry for all languages: a request in the form of the case files (contract expressions.md 7). */
import { ExecutorError } from "../src/errors/index.ts";
import { Budget } from "./budget.ts";
import { environmentOf, type TypedPaths } from "./environment.ts";
import { compileExpression, resultJson, typesOfEnv } from "./expr/index.ts";
import { query, queryJson } from "./gjson/index.ts";
import { guarded } from "./guarded.ts";
import { evaluateTemplate } from "./jsonpath/index.ts";
import { matchesAll, parseSelector } from "./labels/index.ts";
import { type JsonTree, treeText } from "./text/json-tree.ts";
import { quoteJson } from "./text/quote.ts";

export const languages = ["expr", "gjson", "labels", "jsonpath", "jq"] as const;

export type Language = (typeof languages)[number];

export interface EvaluationRequest {
  /** Expression, path, selector, template or filter. */
  readonly expr: string;
  /** The environment of expr; the document of the others. */
  readonly env: JsonTree;
  /** expr: types that JSON cannot say. */
  readonly typed?: TypedPaths;
  /** gjson and labels: the exact text of the document. */
  readonly envText?: string;
  /** The evaluation fails with Timeout after this long; default 5 s. */
  readonly timeMs?: number;
}

const defaultTimeMs = 5_000;

/** The JSON text of the result. Throws BadRequest, TooLarge or Timeout. */
export async function evaluate(language: Language, request: EvaluationRequest): Promise<string> {
  const budget = new Budget(request.timeMs ?? defaultTimeMs);
  switch (language) {
    case "expr": {
      const env = environmentOf(request.env, request.typed);
      return resultJson(compileExpression(request.expr, typesOfEnv(env)).evaluate(env, budget), budget);
    }
    case "gjson":
      return guarded(() => queryJson(query(request.envText ?? treeText(request.env), request.expr)));
    case "labels":
      return String(matchesAll(parseSelector(request.expr), request.envText ?? treeText(request.env)));
    case "jsonpath":
      return quoteJson(evaluateTemplate(request.expr, request.env, budget));
    case "jq": {
      // Loaded on first use: few templates have a jq filter, and none of the others should wait for it.
      const { evaluateFilter } = await import("./jq/index.ts");
      return quoteJson(evaluateFilter(request.expr, request.env, budget));
    }
  }
}

/** The language of a name. Throws BadRequest for any other. */
export function languageOf(name: string): Language {
  const language = languages.find((each) => each === name);
  if (language !== undefined) return language;
  throw new ExecutorError("BadRequest", `language must be one of ${languages.join(", ")}, not "${name}"`);
}
