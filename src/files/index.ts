export { close, fchmod, fstat, ftruncate, futimes, open, read, write } from "./descriptor-calls.ts";
export { asideName, publishFile } from "./publish-file.ts";
export { randomBytes } from "./random-bytes.ts";
export { writeNewFile } from "./write-new-file.ts";
