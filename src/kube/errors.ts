import { type ErrorCode, ExecutorError } from "../errors/index.ts";

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

/** Texts of errors that pass by themselves, whatever status they come with (contract pod.md 6.4). */
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
  status: number,
  headers: { readonly "retry-after"?: string | undefined },
  body: string,
  during: string,
  pattern: RegExp | undefined,
): ExecutorError {
  const refusal = new Refusal(status, parseStatus(body));
  const { reason, message: text, details } = refusal;
  const seconds = Number(headers["retry-after"] ?? details?.retryAfterSeconds);
  return new ExecutorError(classify(status, reason, text, pattern), `${during}: ${text}`, {
    cause: refusal,
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  });
}

/** Translates a failure to get any answer: all of them may pass, except that we were told to stop. */
export function connectionError(error: unknown, during: string, signal: AbortSignal): ExecutorError {
  if (signal.aborted) return new ExecutorError("Cancelled", `${during}: cancelled`, { cause: error });
  const { code, message } = error as NodeJS.ErrnoException;
  const isTrust = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|DEPTH_ZERO/.test(code ?? "");
  return new ExecutorError(isTrust ? "Unauthorized" : "Transient", `${during}: ${message}`, { cause: error });
}

function classify(status: number, reason: string, text: string, pattern: RegExp | undefined): ErrorCode {
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

function parseStatus(body: string): Status {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Status) : {};
  } catch {
    // A proxy in between answers in HTML or not at all; the status number has to do.
    return {};
  }
}
