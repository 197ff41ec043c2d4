/** jq filters as gojq runs them for kubectl's output (docs/contract/expressions.md#5). */
import { Budget, type Limits } from "../budget.ts";
import { guarded } from "../guarded.ts";
import type { JsonTree } from "../text/json-tree.ts";
import { RegexpCache } from "../text/regexp.ts";
import { Interpreter } from "./interpreter.ts";
import { BuiltinLibrary } from "./library.ts";
import { parseFilter } from "./parser.ts";
import { checkNames } from "./resolve.ts";
import { emptyScope } from "./scope.ts";
import { encodeOutput, isObject, type JqValue, valueOfTree } from "./values.ts";

export type { Limits } from "../budget.ts";
export { LanguageError } from "../errors/index.ts";
export { type JsonTree, parseTree } from "../text/json-tree.ts";

/** The builtins do not change, and reading them takes a millisecond. */
const library = new BuiltinLibrary();

/**
 * The output values as text, one a line, trimmed. The document loses `metadata.managedFields`, as kubectl prints it.
 * Throws LanguageError with gojq's message.
 */
export function evaluateJq(filter: string, document: JsonTree, limits: Limits = {}): string {
  const budget = new Budget(limits);
  return guarded(() => {
    const tree = parseFilter(filter);
    checkNames(tree, library.names);
    const interpreter = new Interpreter(budget, new RegexpCache(), library);
    const lines: string[] = [];
    for (const value of interpreter.values(tree, emptyScope, withoutManagedFields(valueOfTree(document)))) {
      const line = typeof value === "string" ? value.toWellFormed() : encodeOutput(value);
      budget.chargeText(line.length);
      lines.push(line);
    }
    return lines.join("\n").replace(/^[\s\u0085]+|[\s\u0085]+$/g, "");
  });
}

function withoutManagedFields(document: JqValue): JqValue {
  const metadata = isObject(document) ? (document.get("metadata") ?? null) : null;
  if (!isObject(document) || !isObject(metadata) || !metadata.has("managedFields")) return document;
  const kept = new Map(metadata);
  kept.delete("managedFields");
  return new Map(document).set("metadata", kept);
}
