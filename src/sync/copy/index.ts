export { planSync, type SyncScope } from "./plan.ts";
