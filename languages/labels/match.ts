/** Whether a document meets requirements (docs/contract/expressions.md#3.4). */
import { LanguageError, messageOf } from "../errors/index.ts";
import { queryGjson } from "../gjson/index.ts";
import { parseTree } from "../text/json-tree.ts";
import type { Requirement } from "./selector.ts";
import { integerOf } from "./validate.ts";

/** Whether all requirements are met. Throws LanguageError when the document is no valid JSON. */
export function matchesAll(requirements: readonly Requirement[], document: string): boolean {
  checkDocument(document);
  return requirements.every((requirement) => matches(requirement, document));
}

/** Whether one requirement is met by a document that is known to be valid. */
export function matches(requirement: Requirement, document: string): boolean {
  const { key, operator, values } = requirement;
  const { exists, string } = queryGjson(document, key);
  switch (operator) {
    case "exists":
      return exists;
    case "!":
      return !exists;
    case "=":
    case "==":
    case "in":
      return exists && values.includes(string);
    case "!=":
    case "notin":
      return !exists || !values.includes(string);
    case "gt":
    case "lt": {
      const limit = integerOf(values[0] ?? "");
      const value = exists ? integerOf(string) : undefined;
      if (limit === undefined || value === undefined) return false;
      return operator === "gt" ? value > limit : value < limit;
    }
  }
}

function checkDocument(document: string): void {
  try {
    parseTree(document);
  } catch (error) {
    const message = "Encountered invalid JSON response when checking resource status. Will not be retried";
    throw new LanguageError("evaluation", `${message}: ${messageOf(error)}`, error);
  }
}
