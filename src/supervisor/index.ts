export { type SupervisorConfig, supervisor } from "./supervisor.ts";
