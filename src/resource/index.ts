export { parseAction } from "./arguments.ts";
export { type ResourceConfig, type ResourceTools, runResource } from "./resource.ts";
