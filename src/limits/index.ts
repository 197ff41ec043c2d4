export { Backlog } from "./backlog.ts";
export { ByteBudget } from "./byte-budget.ts";
export { CallPace } from "./call-pace.ts";
export { inBatches } from "./in-batches.ts";
export { Lane, type LaneLimits } from "./lane.ts";
export { mapAhead } from "./map-ahead.ts";
export { Permits, type Room } from "./permits.ts";
export { Stops } from "./stops.ts";
export { TaskGroup } from "./task-group.ts";
