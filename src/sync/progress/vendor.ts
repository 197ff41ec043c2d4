/** Loaded where there is a terminal to show progress on. */
export { default as progress } from "cli-progress";
