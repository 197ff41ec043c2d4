export type { DataAccess } from "./data-node.ts";
export { NameNodes } from "./name-node.ts";
export { NativeHdfs } from "./native-hdfs.ts";
export type { RpcIdentity } from "./rpc.ts";
