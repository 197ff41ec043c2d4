/** Label selectors over gjson paths: the conditions of resource templates (contract expressions.md section 3). */
export { matches, matchesAll } from "./match.ts";
export { type Operator, parseSelector, type Requirement, requirementText } from "./selector.ts";
