export { type DataConfig, type DataTools, runData } from "./data.ts";
