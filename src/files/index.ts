export { CallPace } from "./call-pace.ts";
