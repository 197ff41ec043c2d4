/** Label selectors over gjson paths: the conditions of resource templates (docs/contract/expressions.md#3). */
export { LanguageError } from "../errors/index.ts";
export { matches, matchesAll } from "./match.ts";
export { type Operator, parseSelector, type Requirement, requirementText } from "./selector.ts";
