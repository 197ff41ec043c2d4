export { progressBar, progressFile, progressLines, sizeText } from "./displays.ts";
export { type ProgressDisplay, type ProgressState, SyncProgress } from "./progress.ts";
