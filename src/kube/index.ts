export { KubeClient, type KubeClientOptions, type KubeRequest } from "./client.ts";
export { connectKube, type KubeConnection, type KubeSettings } from "./connection.ts";
export { followTaskSet, type TaskSetReader } from "./follow-task-set.ts";
export { type GcNode, type GcResult, type GcResults, type GcTask, GcTasks } from "./gc-tasks.ts";
export { busyUntilMs, type Persistence } from "./persistence.ts";
export { readSecretKey } from "./secrets.ts";
export { type NodeIdentity, objectBytesMax, TaskResult, type TaskResultState } from "./task-results.ts";
export { TaskSet, type TaskSetState } from "./task-sets.ts";
export { type WatchEvent, type WatchRequest, watchEvents } from "./watch.ts";
