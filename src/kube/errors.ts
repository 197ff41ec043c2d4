import { type ErrorCode, ExecutorError, isExecutorError, type TextPattern } from "../errors/index.ts";
import { parseRetryAfter } from "../retry/index.ts";

/** The part of a Kubernetes Status object that tells what happened. */
interface Status {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: StatusDetails;
}

interface StatusDetails {
  readonly kind?: string;
  readonly name?: string;
  readonly causes?: readonly { readonly field?: string; readonly message?: string }[];
  readonly retryAfterSeconds?: number;
}

/** A refusal in the server's own words; the cause of the error that is thrown for it. */
export class Refusal {
  readonly httpStatus: number;
  readonly reason: string;
  readonly message: string;
  readonly details: StatusDetails | undefined;

  constructor(httpStatus: number, { reason, message, details }: Status) {
    this.httpStatus = httpStatus;
    this.reason = reason ?? "";
    this.message = message ?? `the server answered ${httpStatus}`;
    this.details = details;
  }

  /** The same refusal with another message. */
  reworded(message: string): Refusal {
    const { httpStatus, reason, details } = this;
    return new Refusal(httpStatus, { reason, message, ...(details ? { details } : {}) });
  }
}

/** What the API server said, or undefined where an error has another origin. */
export function refusalOf(error: unknown): Refusal | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.cause instanceof Refusal) return at.cause;
  }
  return undefined;
}

/** Texts of errors that pass by themselves, whatever status they come with (docs/contract/pod.md#6.4). */
const transientTexts = [
  "etcdserver: leader changed",
  "etcdserver: request timed out",
  "etcdserver: too many requests",
  "request did not complete within requested timeout",
  "http2: client connection lost",
  "connection reset by peer",
];

/** Translates an answer of the API server that is not 2xx. `during` says what was asked, without any body. */
export function statusError(
  answer: { readonly status: number; readonly headers: { readonly "retry-after"?: string | undefined } },
  body: string,
  during: string,
  pattern: TextPattern | undefined,
): ExecutorError {
  const { status, headers } = answer;
  const known = parseStatus(body);
  const refusal = new Refusal(status, known ?? {});
  const { reason, message: text, details } = refusal;
  const seconds = details?.retryAfterSeconds;
  const askedMs = parseRetryAfter(headers["retry-after"]) ?? (seconds === undefined ? 0 : seconds * 1000);
  // A load balancer in between speaks in pages, not in Status objects: the API server behind it will be back.
  const isForeign = known === undefined && (status === 500 || status === 502);
  const code = isForeign ? "Transient" : classify(status, reason, text, pattern);
  return new ExecutorError(code, `${during}: ${text}`, {
    cause: refusal,
    retryAfterMs: Number.isFinite(askedMs) && askedMs > 0 ? askedMs : undefined,
  });
}

/** Translates a failure to get any answer: all of them may pass, except that we were told to stop, or who is there. */
export function connectionError(error: unknown, during: string, signal: AbortSignal): ExecutorError {
  if (signal.aborted) return new ExecutorError("Cancelled", `${during}: cancelled`, { cause: error });
  if (!isExecutorError(error)) {
    const { message } = error as Error;
    return new ExecutorError("Transient", `${during}: ${message}`, { cause: error });
  }
  if (error.reason === "Untrusted") return new ExecutorError("Unauthorized", error.message, { cause: error });
  if (error.reason === "PlainHttp" || error.code === "BadRequest" || error.code === "TooLarge") return error;
  return error.code === "Transient"
    ? error
    : new ExecutorError("Transient", error.message, { cause: error, reason: error.reason });
}

function classify(status: number, reason: string, text: string, pattern: TextPattern | undefined): ErrorCode {
  if (transientTexts.some((known) => text.includes(known)) || pattern?.test(text)) return "Transient";
  if (reason === "Timeout" || reason === "ServerTimeout") return "Transient";
  switch (status) {
    case 400:
    case 415:
    case 422:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return text.includes("exceeded quota") ? "Transient" : "Forbidden";
    case 404:
      return "NotFound";
    case 410:
      // A resource version that is too old: read again.
      return "Conflict";
    case 409:
      return text.includes("Operation cannot be fulfilled on resourcequota") ? "Transient" : "Conflict";
    case 413:
      return "TooLarge";
    case 429:
    case 503:
    case 504:
      return "Transient";
    case 500:
      if (/request is too large|message larger than max/.test(text)) return "TooLarge";
      return text.includes("resource quota evaluation timed out") ? "Transient" : "Internal";
    default:
      return "Internal";
  }
}

/** Undefined for what is no Status object. */
function parseStatus(body: string): Status | undefined {
  try {
    const value = JSON.parse(body) as Status & { readonly kind?: unknown };
    return typeof value === "object" && value?.kind === "Status" ? value : undefined;
  } catch {
    // A proxy in between answers in HTML or not at all; the status number has to do.
    return undefined;
  }
}
