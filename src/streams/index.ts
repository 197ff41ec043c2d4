export { appendTo, type ByteSink, sinkInto } from "./byte-sink.ts";
export { byteStream } from "./byte-stream.ts";
export type { ByteRange, FileContent, TreeContent } from "./content.ts";
