export { parseAction } from "./arguments.ts";
export { type ResourceConfig, type ResourceOutcome, type ResourceTools, runResource } from "./resource.ts";
