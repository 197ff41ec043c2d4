import { type ErrorCode, ExecutorError } from "../../../errors/index.ts";
import { isTransientStatus } from "../../store-errors.ts";
import type { Refusal } from "../../store-requests.ts";
import { textOf } from "../../xml.ts";

/** What a store said, before it is an error of ours. */
export interface S3Failure {
  readonly status: number;
  /** The element Code; empty for HEAD and for answers that are not XML. */
  readonly code: string;
  readonly message: string;
  /** Where the bucket really is, if the answer tells. */
  readonly region: string | undefined;
  readonly serverTime: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** `TRANSIENT_ERROR_PATTERN` says so. */
  readonly isTransient: boolean;
}

export function readFailure({ status, body, retryAfterMs, header, isTransient }: Refusal): S3Failure {
  const isXml = /<Error[\s>]/.test(body);
  const code = isXml ? (textOf(body, "Code") ?? "") : "";
  const message = isXml ? (textOf(body, "Message") ?? "") : "";
  return {
    status,
    code,
    message,
    region: (isXml ? textOf(body, "Region") : undefined) ?? header("x-amz-bucket-region"),
    serverTime: (isXml ? textOf(body, "ServerTime") : undefined) ?? header("date"),
    retryAfterMs,
    isTransient: isTransient(`${code} ${message}`),
  };
}

/** docs/contract/artifacts.md#3.3 and #3.4, with the codes that the reference's client repeats inside. */
const transientCodes = new Set([
  "RequestError",
  "RequestTimeout",
  "Throttling",
  "ThrottlingException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "InternalError",
  "SlowDown",
  "SlowDownWrite",
  "SlowDownRead",
  "ServiceUnavailable",
  "OperationAborted",
  "ConditionalRequestConflict",
  "TooManyRequests",
  "BadDigest",
  "IncompleteBody",
]);

const codes: Readonly<Record<string, readonly [ErrorCode, string?]>> = {
  NoSuchKey: ["NotFound", "The specified key does not exist."],
  NoSuchVersion: ["NotFound"],
  NoSuchUpload: ["NotFound"],
  NoSuchBucket: ["BadRequest", "The specified bucket does not exist"],
  AccessDenied: ["Forbidden", "Access Denied."],
  AllAccessDisabled: ["Forbidden"],
  AccountProblem: ["Forbidden"],
  InvalidAccessKeyId: ["Unauthorized"],
  SignatureDoesNotMatch: ["Unauthorized"],
  InvalidToken: ["Unauthorized"],
  ExpiredToken: ["Unauthorized"],
  ExpiredTokenException: ["Unauthorized"],
  TokenRefreshRequired: ["Unauthorized"],
  RequestTimeTooSkewed: ["Unauthorized"],
  PreconditionFailed: ["Conflict"],
  BucketAlreadyExists: ["Conflict"],
  BucketAlreadyOwnedByYou: ["Conflict"],
  EntityTooLarge: ["TooLarge"],
  QuotaExceeded: ["TooLarge"],
  XMinioStorageFull: ["TooLarge"],
  XMinioAdminBucketQuotaExceeded: ["TooLarge"],
  NotImplemented: ["Unsupported"],
  MethodNotAllowed: ["Unsupported"],
  KeyTooLongError: ["BadRequest"],
};

/** The texts of statuses without a body, as the reference's client words them. */
const byStatus: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  401: ["Unauthorized", "Access Denied."],
  403: ["Forbidden", "Access Denied."],
  404: ["NotFound", "The specified key does not exist."],
  405: ["Unsupported", "The specified method is not allowed against this resource."],
  408: ["Transient", "Request Timeout"],
  409: ["Conflict", "Bucket not empty or conflicting operation."],
  412: ["Conflict", "At least one of the pre-conditions you specified did not hold"],
  413: ["TooLarge", "Your proposed upload exceeds the maximum allowed object size."],
  429: ["Transient", "Rate exceeded"],
  499: ["Transient", "Client closed request"],
  501: ["Unsupported", "A header you provided implies functionality that is not implemented."],
};

/** The one translation of what an S3 store answers. */
export function toError(failure: S3Failure, nowMs: number = Date.now()): ExecutorError {
  const { status, code, message, retryAfterMs } = failure;
  if (code === "RequestTimeTooSkewed") return clockError(failure, nowMs);
  if (failure.isTransient || transientCodes.has(code) || isTransientStatus(status)) {
    const text = message || byStatus[status]?.[1] || `${status} ${code || "Service Unavailable"}`;
    return new ExecutorError("Transient", withCode(text, code), { retryAfterMs });
  }
  const [errorCode, text] = codes[code] ?? byStatus[status] ?? ["BadRequest"];
  const fallback = `the store answered with status ${status}${code === "" ? "" : ` (${code})`}`;
  return new ExecutorError(errorCode, message || text || fallback);
}

function withCode(text: string, code: string): string {
  return code === "" || text.includes(code) ? text : `${text} (${code})`;
}

function clockError({ message, serverTime }: S3Failure, nowMs: number): ExecutorError {
  const serverMs = Date.parse(serverTime ?? "");
  const minutes = Math.round((nowMs - serverMs) / 60_000);
  const skew = Number.isNaN(serverMs)
    ? "the node's clock is wrong"
    : `the node's clock is ${Math.abs(minutes)} minutes ${minutes > 0 ? "ahead of" : "behind"} the store's`;
  return new ExecutorError(
    "Unauthorized",
    `${message} (RequestTimeTooSkewed): ${skew}; set the clock of the node`,
  );
}

/** The error of one key in an answer about many, or of an answer whose status says that it went well. */
export function errorOf(code: string, message: string): ExecutorError {
  const nothing = { region: undefined, serverTime: undefined, retryAfterMs: undefined, isTransient: false };
  return toError({ status: code === "" ? 500 : 400, code, message, ...nothing });
}

/** Codes after which other credentials, or the same ones read again, may help. */
export function isAboutCredentials({ code, status }: S3Failure): boolean {
  return codes[code]?.[0] === "Unauthorized"
    ? code !== "RequestTimeTooSkewed"
    : status === 403 || status === 401;
}
