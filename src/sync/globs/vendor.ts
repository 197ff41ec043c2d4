/** Loaded where globs are given. */
export { default as picomatch } from "picomatch";
