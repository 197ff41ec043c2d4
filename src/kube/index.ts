export { KubeClient, type KubeClientOptions, type KubeRequest } from "./client.ts";
export { connectKube, type KubeConnection, type KubeSettings } from "./connection.ts";
export { type GcNode, type GcResult, type GcResults, type GcTask, GcTasks } from "./gc-tasks.ts";
export type { Persistence } from "./persistence.ts";
export { type NodeIdentity, objectBytesMax, TaskResult, type TaskResultState } from "./task-results.ts";
