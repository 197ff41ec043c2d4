export type { SupervisorConfig } from "./config.ts";
export { supervisor } from "./supervisor.ts";
