export { type Repository, s3Repository } from "./desk-servers.ts";
export { shortTemporaryFolder } from "./kubelet/index.ts";
export { buildPod } from "./pod-builder.ts";
export { type PodPlan, podNames } from "./pod-plan.ts";
export { readRepository } from "./repository.ts";
export { type RunConfig, type RunSignals, type RunTools, runTemplate } from "./run.ts";
export { Terminal } from "./terminal.ts";
export type { DeskTemplate } from "./workflow.ts";
