import { type ErrorCode, ExecutorError, type TextPattern } from "../../../errors/index.ts";
import type { HttpResponse } from "../../../http/index.ts";
import { parseRetryAfter } from "../../../retry/index.ts";
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
  readonly transientByPattern: boolean;
}

export function readFailure(
  response: Pick<HttpResponse, "status" | "headers">,
  body: string,
  transientPattern?: TextPattern,
): S3Failure {
  const isXml = /<Error[\s>]/.test(body);
  const code = isXml ? (textOf(body, "Code") ?? "") : "";
  const message = isXml ? (textOf(body, "Message") ?? "") : "";
  const header = (name: string) => {
    const value = response.headers[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  return {
    status: response.status,
    code,
    message,
    region: (isXml ? textOf(body, "Region") : undefined) ?? header("x-amz-bucket-region"),
    serverTime: (isXml ? textOf(body, "ServerTime") : undefined) ?? header("date"),
    retryAfterMs: parseRetryAfter(header("retry-after")),
    transientByPattern: transientPattern?.test(`${code} ${message}`) ?? false,
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
  if (failure.transientByPattern || transientCodes.has(code) || isTransientStatus(status)) {
    const text = message || byStatus[status]?.[1] || `${status} ${code || "Service Unavailable"}`;
    return new ExecutorError("Transient", withCode(text, code), { retryAfterMs });
  }
  const [errorCode, text] = codes[code] ?? byStatus[status] ?? ["BadRequest"];
  const fallback = `the store answered with status ${status}${code === "" ? "" : ` (${code})`}`;
  return new ExecutorError(errorCode, message || text || fallback);
}

/** A 5xx of any shape is transient, that of a proxy with an HTML page too; 501 is an answer and not a failure. */
function isTransientStatus(status: number): boolean {
  return (status >= 500 && status !== 501) || status === 429 || status === 408 || status === 499;
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

/** Codes after which other credentials, or the same ones read again, may help. */
export function isAboutCredentials({ code, status }: S3Failure): boolean {
  return codes[code]?.[0] === "Unauthorized"
    ? code !== "RequestTimeTooSkewed"
    : status === 403 || status === 401;
}
