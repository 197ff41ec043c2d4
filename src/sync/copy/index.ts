export { planSync } from "./plan.ts";
export { type RunSettings, type RunTools, runSync } from "./run.ts";
export type { SyncScope } from "./scope.ts";
export { parseShard, type Shard, ShardPlanner, selectShard } from "./shards.ts";
export { verifySync } from "./verify.ts";
