export { endContainers, hasEnded, haveEnded, signalContainer } from "./containers.ts";
export { PodPaths } from "./paths.ts";
export { containerPlans, encodeArgument, type PlanContext, resultBytesMax } from "./plan.ts";
export { writeTerminationMessage } from "./termination-message.ts";
export { publishFile } from "./write-file.ts";
