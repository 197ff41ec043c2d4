export { randomBytes } from "./random-bytes.ts";
export { writeNewFile } from "./write-new-file.ts";
