export { collectGarbage, type GcTools } from "./collect-garbage.ts";
