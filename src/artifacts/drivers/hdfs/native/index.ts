export { NameNodes } from "./name-node.ts";
export { NativeHdfs } from "./native-hdfs.ts";
