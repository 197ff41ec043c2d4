export { openGcStore } from "./gc-store.ts";
export { type GcStore, type RepairJob, type RepairResult, repairGc } from "./repair.ts";
