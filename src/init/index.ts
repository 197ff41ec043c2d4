export { type InitConfig, init } from "./init.ts";
