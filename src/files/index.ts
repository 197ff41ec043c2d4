export { writeNewFile } from "./write-new-file.ts";
