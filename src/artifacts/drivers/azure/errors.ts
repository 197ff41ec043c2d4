import type { ExecutorError } from "../../../errors/index.ts";
import {
  clockError,
  clockSkewMs,
  type FaultCodes,
  refusalError,
  type StoreFault,
} from "../../store-errors.ts";
import type { Refusal } from "../../store-requests.ts";
import { textOf } from "../../xml.ts";

/** "Common REST API error codes" and "Blob service error codes" of Azure Storage. */
const codes: FaultCodes = {
  BlobNotFound: ["NotFound", "The specified blob does not exist."],
  ResourceNotFound: ["NotFound"],
  // What is missing is never a blob then, and optional inputs must not hide that.
  ContainerNotFound: ["BadRequest", "The specified container does not exist."],
  ContainerDisabled: ["Forbidden"],
  ContainerBeingDeleted: ["Transient"],
  AccountIsDisabled: ["Forbidden"],
  AuthenticationFailed: ["Unauthorized"],
  InvalidAuthenticationInfo: ["Unauthorized"],
  NoAuthenticationInformation: ["Unauthorized"],
  AuthorizationFailure: ["Forbidden"],
  AuthorizationPermissionMismatch: [
    "Forbidden",
    "this identity may not do that; it needs the role Storage Blob Data Contributor on the container",
  ],
  InsufficientAccountPermissions: ["Forbidden"],
  KeyBasedAuthenticationNotPermitted: [
    "Forbidden",
    "the account allows no account keys; use useSDKCreds: true with a workload or managed identity",
  ],
  PublicAccessNotPermitted: [
    "Unauthorized",
    "the request carried no credentials; give accountKeySecret or useSDKCreds",
  ],
  ConditionNotMet: ["Conflict", "the blob was replaced while it was read"],
  LeaseIdMissing: ["Conflict", "the blob is leased by somebody else"],
  BlobImmutableDueToPolicy: ["Forbidden"],
  BlobArchived: ["Conflict", "the blob is in the archive tier; rehydrate it first"],
  BlobBeingRehydrated: ["Conflict", "the blob is still being rehydrated from the archive tier"],
  DirectoryIsNotEmpty: ["Conflict"],
  ServerBusy: ["Transient"],
  OperationTimedOut: ["Transient"],
  InternalError: ["Transient"],
  Md5Mismatch: ["Transient"],
  RequestBodyTooLarge: ["TooLarge"],
  InvalidBlobOrBlock: [
    "BadRequest",
    "blocks of an upload that another program gave up are still there and have names of another length; delete the blob, or wait a week",
  ],
};

/** The service refuses requests that are older. */
const skewMaxMs = 15 * 60_000;

/** The one translation of what Azure answers. */
export function toError(refusal: Refusal): ExecutorError {
  const fault = faultOf(refusal);
  const skewMs = clockSkewMs(refusal.header("date")) ?? 0;
  if (fault.code === "AuthenticationFailed" && Math.abs(skewMs) > skewMaxMs) {
    return clockError(refusal, "the request is too old or too new (AuthenticationFailed)");
  }
  return refusalError(refusal, fault, codes);
}

export function isAboutIdentity({ status }: Refusal): boolean {
  return status === 401 || status === 403;
}

/** An error of a batch: one answer of many. */
export function partialError(status: number, code: string): ExecutorError {
  const refusal = { status, body: "", retryAfterMs: undefined, isTransient: () => false };
  return refusalError({ ...refusal, header: () => undefined }, { code, message: "" }, codes);
}

function faultOf(refusal: Refusal): StoreFault {
  const isXml = refusal.body.includes("<Error>");
  const message = isXml ? (textOf(refusal.body, "Message") ?? "") : "";
  return {
    code: refusal.header("x-ms-error-code") ?? (isXml ? (textOf(refusal.body, "Code") ?? "") : ""),
    // What follows in lines of its own are ids and times of the request.
    message: message.split("\n", 1)[0] ?? "",
  };
}
