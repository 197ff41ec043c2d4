export type { ApiUser, RbacRule } from "./access.ts";
export { refuse, sendJson } from "./answers.ts";
export { type ApiRequest, readApiPath, type Verb } from "./api-path.ts";
export { type Certificate, issuedCertificate, selfSignedCertificate } from "./certificate.ts";
export type { ApiExchangeObserver } from "./exchange.ts";
export type { KubeObject, ObjectMeta, ResourceName } from "./kube-object.ts";
export type { ObjectRef } from "./object-table.ts";
export { ApiServer, type ApiServerOptions } from "./server.ts";
export { ApiRefusal, failure } from "./status.ts";
