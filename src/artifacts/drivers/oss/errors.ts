import { ExecutorError } from "../../../errors/index.ts";
import { clockError, type FaultCodes, refusalError } from "../../store-errors.ts";
import type { Refusal } from "../../store-requests.ts";
import { textOf } from "../../xml.ts";

/** docs/contract/artifacts.md#3.3, and what OSS's "Error responses" say. */
const codes: FaultCodes = {
  NoSuchKey: ["NotFound", "The specified key does not exist."],
  NoSuchUpload: ["NotFound"],
  NoSuchLifecycle: ["NotFound"],
  // What is missing is never an object then, and optional inputs must not hide that.
  NoSuchBucket: ["BadRequest", "The specified bucket does not exist"],
  AccessDenied: ["Forbidden"],
  InvalidAccessKeyId: ["Unauthorized"],
  SignatureDoesNotMatch: ["Unauthorized"],
  InvalidSecurityToken: ["Unauthorized"],
  SecurityTokenExpired: ["Unauthorized"],
  SecurityTokenNotSupported: ["Unauthorized"],
  PreconditionFailed: ["Conflict"],
  FileImmutable: ["Forbidden"],
  EntityTooLarge: ["TooLarge"],
  NotImplemented: ["Unsupported"],
  MethodNotAllowed: ["Unsupported"],
  RequestTimeout: ["Transient"],
  "QuotaExceeded.Refresh": ["Transient"],
  Default: ["Transient"],
  ServiceUnavailable: ["Transient"],
  Throttling: ["Transient"],
  SocketException: ["Transient"],
  SocketTimeout: ["Transient"],
  ServiceBusy: ["Transient"],
  DomainNetWorkVisitedException: ["Transient"],
  ConnectionTimeout: ["Transient"],
  CachedTimeTooLarge: ["Transient"],
  InternalError: ["Transient"],
  InvalidDigest: ["Transient"],
};

/** The one translation of what OSS answers. */
export function toError(refusal: Refusal): ExecutorError {
  const fault = faultOf(refusal);
  if (fault.code === "RequestTimeTooSkewed") {
    return clockError(refusal, `${fault.message} (RequestTimeTooSkewed)`);
  }
  return refusalError(refusal, fault, codes);
}

export function isAboutIdentity(refusal: Refusal): boolean {
  if (refusal.status !== 401 && refusal.status !== 403) return false;
  return faultOf(refusal).code !== "RequestTimeTooSkewed";
}

/** An error of a batch, which is one of many in an answer of status 200. */
export function partialError(code: string, message: string): ExecutorError {
  const [ours = "BadRequest"] = codes[code] ?? [];
  return new ExecutorError(ours, `${message || "not deleted"} (${code || "no code"})`);
}

/** HEAD has no body: OSS sends its error document in a header there. */
function faultOf(refusal: Refusal): { readonly code: string; readonly message: string } {
  const encoded = refusal.header("x-oss-err") ?? "";
  const xml = refusal.body.includes("<Error") ? refusal.body : Buffer.from(encoded, "base64").toString();
  return { code: textOf(xml, "Code") ?? "", message: textOf(xml, "Message") ?? "" };
}
