/** What went wrong, as far as our reaction depends on it. */
export type ErrorCode =
  /** A template, parameter or setting is wrong; the user edits. */
  | "BadRequest"
  /** The identity is unknown. */
  | "Unauthorized"
  /** The identity is known and not allowed; the message names the grant that is missing. */
  | "Forbidden"
  /** Nothing is there: optional inputs go on, deleting is done. */
  | "NotFound"
  /** Someone else changed it: read again, then repeat. */
  | "Conflict"
  /** This driver cannot do that. */
  | "Unsupported"
  /** Over a size or quota limit; a retry cannot help. */
  | "TooLarge"
  /** What arrived is not what was stored: a checksum or a length differs, an archive is damaged. */
  | "Corrupt"
  /** Will probably pass; the retry wrapper repeats. */
  | "Transient"
  /** Our own deadline. */
  | "Timeout"
  /** We were told to stop. */
  | "Cancelled"
  /** Our bug; fails with the stack. */
  | "Internal";

/** What exactly, where a reaction depends on more than the code. */
export type ErrorReason =
  /** Nobody listens at the address. */
  | "Refused"
  /** There is no such name, or no way to its address. */
  | "Unreachable"
  /** What answers there does not speak HTTP. */
  | "NoHttp"
  /** The server's certificate is not trusted. */
  | "Untrusted"
  /** TLS was spoken to a server of plain http. */
  | "PlainHttp"
  /** The server speaks none of the protocols that were offered over TLS. */
  | "NoProtocol"
  /** A gRPC status said so, and the message has its form. */
  | "Rpc"
  /** It was repeated for as long as it may be. */
  | "Exhausted";

export interface ErrorDetail {
  /** The first error; it stays readable through any number of wrappings. */
  readonly cause?: unknown;
  /** How long the other side asked us to wait before the next try, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly reason?: ErrorReason | undefined;
}

/**
 * The only error class of the project. Foreign errors are translated once, where they enter (a driver's
 * `errors.ts`); above that nobody looks at a status number, an errno or a message text.
 * A message says what, on which thing, why, and what to do, and never shows a secret or a body.
 */
export class ExecutorError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly reason: ErrorReason | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "ExecutorError";
    this.code = code;
    this.retryAfterMs = detail.retryAfterMs;
    this.reason = detail.reason;
  }

  /** The same error under a longer message: `during: message`. Code, reason and retry advice stay. */
  static wrap(error: unknown, during: string): ExecutorError {
    const { retryAfterMs, reason }: ErrorDetail = error instanceof ExecutorError ? error : {};
    return new ExecutorError(errorCode(error), `${during}: ${errorText(error)}`, {
      cause: error,
      retryAfterMs,
      reason,
    });
  }

  /**
   * The error of something that was repeated for as long as it may be, in Argo's words
   * (docs/contract/artifacts.md#3.4).
   */
  static exhausted(error: ExecutorError): ExecutorError {
    const text = `timed out waiting for the condition: ${error.message}`;
    return new ExecutorError(error.code, text, { cause: error, reason: "Exhausted" });
  }
}

export function isExecutorError(error: unknown, ...codes: readonly ErrorCode[]): error is ExecutorError {
  return error instanceof ExecutorError && (codes.length === 0 || codes.includes(error.code));
}

/** The code of any thrown value: abort reasons are Cancelled or Timeout, what nobody translated is Internal. */
export function errorCode(error: unknown): ErrorCode {
  if (error instanceof ExecutorError) return error.code;
  if (error instanceof DOMException || (error instanceof Error && error.name === "AbortError")) {
    return error.name === "TimeoutError" ? "Timeout" : "Cancelled";
  }
  return "Internal";
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
