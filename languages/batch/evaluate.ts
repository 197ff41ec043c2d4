/** A request in the form of the case files; each language is loaded when it is first asked for. */
import { Budget, type Limits } from "../budget.ts";
import { LanguageError } from "../errors/index.ts";
import { type JsonTree, treeText } from "../text/json-tree.ts";
import { quoteJson } from "../text/quote.ts";

export const languages = ["expr", "gjson", "labels", "jsonpath", "jq"] as const;

export type Language = (typeof languages)[number];

export interface EvaluationRequest extends Limits {
  /** Expression, path, selector, template or filter. */
  readonly expr: string;
  /** The environment of expr; the document of the others. */
  readonly env: JsonTree;
  /** expr: static types that JSON cannot say, by path. */
  readonly typed?: ReadonlyMap<string, string>;
  /** gjson and labels: the exact text of the document. */
  readonly envText?: string;
}

/** The JSON text of the result. Throws LanguageError. */
export async function evaluate(language: Language, request: EvaluationRequest): Promise<string> {
  const { expr, env } = request;
  switch (language) {
    case "expr": {
      const { compileExpr, environmentOf, resultJson, typesOfEnv } = await import("../expr/index.ts");
      const values = environmentOf(env, request.typed);
      const budget = new Budget(request);
      return resultJson(compileExpr(expr, typesOfEnv(values)).evaluate(values, budget), budget);
    }
    case "gjson": {
      const { queryGjson } = await import("../gjson/index.ts");
      const { exists, string, type } = queryGjson(request.envText ?? treeText(env), expr);
      return `{"exists":${exists},"string":${quoteJson(string)},"type":"${type}"}`;
    }
    case "labels": {
      const { matchesAll, parseSelector } = await import("../labels/index.ts");
      return String(matchesAll(parseSelector(expr), request.envText ?? treeText(env)));
    }
    case "jsonpath": {
      const { evaluateJsonpath } = await import("../jsonpath/index.ts");
      return quoteJson(evaluateJsonpath(expr, env, request));
    }
    case "jq": {
      const { evaluateJq } = await import("../jq/index.ts");
      return quoteJson(evaluateJq(expr, env, request));
    }
  }
}

/** The language of a name. Throws LanguageError (syntax) for any other. */
export function languageOf(name: string): Language {
  const language = languages.find((each) => each === name);
  if (language !== undefined) return language;
  throw new LanguageError("syntax", `language must be one of ${languages.join(", ")}, not "${name}"`);
}
