export { type Repository, s3Repository } from "./desk-servers.ts";
export { shortTemporaryFolder } from "./kubelet/index.ts";
export { buildPod, type PodPlan, podNames } from "./pod-builder.ts";
export { readRepository } from "./repository.ts";
export { type RunConfig, type RunSignals, type RunTools, runTemplate } from "./run.ts";
export { Terminal } from "./terminal.ts";
export type { DeskTemplate } from "./workflow.ts";
