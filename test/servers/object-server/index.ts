export type { Credentials } from "../../../desk/object-server/index.ts";
export type { Fault, FaultEffect, FaultMatch } from "./faults.ts";
export type { RequestRecord } from "./request-log.ts";
export { type ObjectServer, type ObjectServerOptions, startObjectServer } from "./server.ts";
