export {
  endContainers,
  hasContainerFile,
  hasEnded,
  haveEnded,
  openContainer,
  readExitCode,
  signalContainer,
} from "./containers.ts";
export { logBytesMax, segmentName, spoolPatienceMs, spoolSegmentBytes } from "./log-limit.ts";
export { type ContainerFile, containerFiles, PodPaths } from "./paths.ts";
export { containerPlans, encodeArgument, type PlanContext, resultBytesMax, servedOutputs } from "./plan.ts";
export { readRange, SharedFolder } from "./shared-folder.ts";
export { writeTerminationMessage } from "./termination-message.ts";
