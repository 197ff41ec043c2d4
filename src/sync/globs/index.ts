export { type KeyGlobs, selectKeys } from "./key-selection.ts";
