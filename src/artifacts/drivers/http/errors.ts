import { type ErrorCode, ExecutorError } from "../../../errors/index.ts";
import type { HttpResponse } from "../../../http/index.ts";
import { parseRetryAfter } from "../../../retry/index.ts";

/** What a status outside 2xx means. `what` begins the message: `saving file x to URL`. */
export function statusError(what: string, response: HttpResponse): ExecutorError {
  const text = `${what} failed with reason: ${statusLine(response)}`;
  return new ExecutorError(codeOf(response.status), text, {
    retryAfterMs: parseRetryAfter(response.headers["retry-after"]),
  });
}

/** The same of a GET: the text of a missing file is the status line alone (docs/contract/artifacts.md#3.2). */
export function loadError(what: string, response: HttpResponse): ExecutorError {
  const code = codeOf(response.status);
  return code === "NotFound" ? new ExecutorError(code, statusLine(response)) : statusError(what, response);
}

export function statusLine({ status, statusText }: HttpResponse): string {
  return statusText === "" ? String(status) : `${status} ${statusText}`;
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 407) return "Unauthorized";
  if (status === 403) return "Forbidden";
  if (status === 404 || status === 410) return "NotFound";
  if (status === 408 || status === 429 || status === 499) return "Transient";
  if (status === 409 || status === 412) return "Conflict";
  if (status === 413 || status === 507) return "TooLarge";
  if (status === 405 || status === 501) return "Unsupported";
  return status >= 500 ? "Transient" : "BadRequest";
}
