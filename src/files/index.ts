export { CallPace } from "./call-pace.ts";
export { writeNewFile } from "./write-new-file.ts";
