export {
  type ApiUser,
  type Certificate,
  issuedCertificate,
  type KubeObject,
  type ObjectMeta,
  type ObjectRef,
  type RbacRule,
  type ResourceName,
  selfSignedCertificate,
  type Verb,
} from "../../../desk/api-server/index.ts";
export type { ApiFault, ApiFaultEffect, ApiFaultMatch } from "./faults.ts";
export type { ApiRequestRecord } from "./request-log.ts";
export { type ApiServer, type ApiServerOptions, startApiServer } from "./server.ts";
