import { ExecutorError, errorText } from "../errors/index.ts";
import { type HttpClient, payloadOf, readText } from "../http/index.ts";
import { clockSkewMs, isTransientStatus, skewText } from "./store-errors.ts";

/** A question to a token server, an STS or a metadata server. */
export interface IdentityQuestion {
  /** What is asked for, as errors name it: "Azure credentials for the azure location". */
  readonly what: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** With a form or a JSON document it is a POST. */
  readonly form?: URLSearchParams;
  readonly json?: object;
  /** Without either, and not a GET. */
  readonly method?: "PUT";
}

const tellingSkewMs = 4 * 60_000;
const answerBytesMax = 256 * 1024;
/** A token server that accepts and says nothing must not hold the step for ever. */
const answerTimeoutMs = 20_000;

/**
 * Asks once. Throws Transient for what may pass, Unauthorized for a refusal; neither names more of the answer than the
 * server's own code for what is wrong, because its texts repeat tokens.
 */
export async function askIdentity(
  http: HttpClient,
  question: IdentityQuestion,
  signal: AbortSignal,
): Promise<string> {
  const { what, url, form, json } = question;
  const { origin, host, pathname, search } = parse(url, what);
  const body = form?.toString() ?? (json && JSON.stringify(json));
  const payload = body === undefined ? undefined : payloadOf(Buffer.from(body));
  const method = payload === undefined ? (question.method ?? "GET") : "POST";
  const headers: Record<string, string> = { host, "user-agent": "outrider", ...question.headers };
  if (payload !== undefined) {
    headers["content-type"] = form ? "application/x-www-form-urlencoded" : "application/json";
    headers["content-length"] = String(payload.sizeBytes);
  } else if (method !== "GET") headers["content-length"] = "0";
  const limited = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
  let status: number;
  let text: string;
  let dateText: string | undefined;
  try {
    const request = { method, origin, path: `${pathname}${search}`, headers, payload };
    const response = await http.request(request, limited);
    const options = { during: `${method} ${origin}${pathname}`, stallTimeoutMs: answerTimeoutMs };
    status = response.status;
    dateText = response.headers.date;
    text = await readText(response.body, answerBytesMax, options);
  } catch (error) {
    signal.throwIfAborted();
    const why = limited.aborted ? `no answer within ${answerTimeoutMs / 1000} s` : errorText(error);
    throw new ExecutorError("Transient", `no ${what}: ${host}: ${why}`, { cause: error });
  }
  if (status >= 200 && status < 300) return text;
  const code = /"(?:error|Code|code|status)"\s*:\s*"([\w.-]{1,80})"/.exec(text)?.[1] ?? "";
  const why = `no ${what}: ${host} answered with status ${status}${code === "" ? "" : ` (${code})`}${skewOf(dateText)}`;
  throw new ExecutorError(isTransientStatus(status) ? "Transient" : "Unauthorized", why);
}

/** Assertions and signatures are good for minutes; a clock that is wrong by more is why they are refused. */
function skewOf(dateText: string | undefined): string {
  const skewMs = clockSkewMs(dateText) ?? 0;
  return Math.abs(skewMs) < tellingSkewMs ? "" : `: ${skewText(skewMs)}`;
}

/** The same for an answer that is a JSON object. */
export async function askIdentityForJson(
  http: HttpClient,
  question: IdentityQuestion,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const text = await askIdentity(http, question, signal);
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new ExecutorError("Transient", `no ${question.what}: ${question.url} did not answer with JSON`);
}

/** Reads a bearer token and its end, as OAuth 2.0 (RFC 6749 section 5.1) and its many relatives write them. */
export function readBearer(
  answer: Readonly<Record<string, unknown>>,
  what: string,
): { readonly token: string; readonly expiresAtMs: number } {
  const { access_token: token, expires_in: seconds } = answer;
  const lifeMs = Number(seconds) * 1000;
  // A header's value; whatever else it is, it is no token.
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token) && lifeMs > 0) {
    return { token, expiresAtMs: Date.now() + lifeMs };
  }
  throw new ExecutorError("Transient", `no ${what}: the answer holds no access_token with expires_in`);
}

function parse(url: string, what: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new ExecutorError("BadRequest", `no ${what}: the address of the token server is not a URL`);
  }
}
