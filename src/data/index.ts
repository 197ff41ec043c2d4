export { type DataConfig, type DataOutcome, type DataTools, runData } from "./data.ts";
