/** kubectl's jsonpath templates (docs/contract/expressions.md#4). */
import { Budget, type Limits } from "../budget.ts";
import type { JsonTree } from "../text/json-tree.ts";
import { evaluateTemplate } from "./evaluate.ts";

export type { Limits } from "../budget.ts";
export { LanguageError } from "../errors/index.ts";
export { type JsonTree, parseTree } from "../text/json-tree.ts";

/** The text that a template gives for a document. Throws LanguageError with kubectl's message. */
export function evaluateJsonpath(template: string, document: JsonTree, limits: Limits = {}): string {
  return evaluateTemplate(template, document, new Budget(limits));
}
