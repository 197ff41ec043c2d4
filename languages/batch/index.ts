/** Any language by its name, one case or a stream of them (docs/contract/expressions.md#7). */
export { LanguageError } from "../errors/index.ts";
export { type JsonTree, parseTree } from "../text/json-tree.ts";
export { type EvaluationRequest, evaluate, type Language, languageOf, languages } from "./evaluate.ts";
export { evaluateBatch } from "./lines.ts";
