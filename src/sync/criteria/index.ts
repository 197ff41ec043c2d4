export { ageMs } from "./age.ts";
export { asksForWorkflows, type Criteria, type CriteriaTexts, readCriteria } from "./criteria.ts";
export { Owners } from "./owners.ts";
export { selectByWorkflows, type WorkflowSources } from "./select-by-workflows.ts";
export { selectChanged } from "./select-changed.ts";
export { selectObjects, selectsWorkflow } from "./select-objects.ts";
