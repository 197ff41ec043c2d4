export { close, fchmod, fstat, ftruncate, futimes, open, read, write } from "./descriptor-calls.ts";
export { randomBytes } from "./random-bytes.ts";
export { writeNewFile } from "./write-new-file.ts";
