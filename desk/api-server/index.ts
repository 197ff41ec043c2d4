export type { ApiUser, RbacRule } from "./access.ts";
export type { Verb } from "./api-path.ts";
export { type Certificate, selfSignedCertificate } from "./certificate.ts";
export type { ApiFault, ApiFaultEffect, ApiFaultMatch } from "./faults.ts";
export type { KubeObject, ObjectMeta, ResourceName } from "./kube-object.ts";
export type { ObjectRef } from "./object-table.ts";
export type { ApiRequestRecord } from "./request-log.ts";
export { type ApiServer, type ApiServerOptions, startApiServer } from "./server.ts";
