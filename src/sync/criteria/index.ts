export { ageMs } from "./age.ts";
export { asksForWorkflows, type Criteria, type CriteriaTexts, readCriteria } from "./criteria.ts";
export { type Glob, globs } from "./globs.ts";
export { Owners } from "./owners.ts";
export { selectObjects, selectsWorkflow } from "./select-objects.ts";
