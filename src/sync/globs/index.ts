export { type KeyGlobs, selectKeys } from "./key-selection.ts";
export { type Glob, globs } from "./patterns.ts";
