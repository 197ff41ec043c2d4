import { ExecutorError, isExecutorError } from "../errors/index.ts";
import type { HttpTemplate } from "./http-template.ts";

/** A request as it goes on the wire, before any redirect. */
export interface PreparedRequest {
  /** Begins every error that is about it: `Get "http://host/path"`. */
  readonly title: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly RequestHeader[];
  readonly body: Buffer | undefined;
  /** We asked for gzip, the template did not: the answer is unpacked. */
  readonly unpacksAnswer: boolean;
  /** Whether sending it twice is the sender's wish: by its method, or because the template has a key for it. */
  readonly isRepeatable: boolean;
  /** Undefined: the default applies. */
  readonly timeoutSeconds: number | undefined;
  readonly insecureSkipVerify: boolean;
  /** For the server of `url`, not for where that may send us. */
  readonly clientCert: Credentials["clientCert"];
}

export interface RequestHeader {
  /** In canonical form. */
  readonly name: string;
  readonly value: string;
  readonly isCredential: boolean;
}

/** What a template's request needs that does not stand in the template. */
export interface Credentials {
  /** The values of the template's headers, in order; those that stand in Secrets are read. */
  readonly headerValues: readonly string[];
  /** The Authorization header of its OAuth 2 grant; undefined where the template has a header of its own. */
  readonly authorization: string | undefined;
  readonly clientCert: { readonly certPem: string; readonly keyPem: string } | undefined;
}

export interface RequestContext {
  /** Sent with requests that must not take effect twice. */
  readonly idempotencyKey: string;
  readonly userAgent: string;
}

/** Names that the client sets itself; what a template says about them is ignored. */
const ownNames = new Set(["Content-Length", "Transfer-Encoding", "Trailer"]);
const keyName = "Idempotency-Key";
/** A token (RFC 9110 5.6.2). */
const tokenPattern = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;

/** Throws BadRequest, the request's title and Go's words, for what cannot be sent. */
export function prepareRequest(
  template: HttpTemplate,
  credentials: Credentials,
  context: RequestContext,
): PreparedRequest {
  const title = requestTitle(template.method, template.url);
  try {
    return { title, ...requestOf(template, credentials, context) };
  } catch (error) {
    throw isExecutorError(error, "BadRequest") ? ExecutorError.wrap(error, title) : error;
  }
}

function requestOf(
  template: HttpTemplate,
  { headerValues, authorization, clientCert }: Credentials,
  { idempotencyKey, userAgent }: RequestContext,
): Omit<PreparedRequest, "title"> {
  const { timeoutSeconds, insecureSkipVerify } = template;
  const method = template.method === "" ? "GET" : template.method;
  if (!tokenPattern.test(method)) {
    throw new ExecutorError("BadRequest", `net/http: invalid method ${JSON.stringify(method)}`);
  }
  const url = parseUrl(template.url);
  const headers = readHeaders(template, headerValues);
  const has = (name: string) => headers.some((header) => header.name === name);
  const hasOwnKey = has(keyName) || has(`X-${keyName}`);
  const isRepeatable = isIdempotent(method) || hasOwnKey;
  const unpacksAnswer = !has("Accept-Encoding") && !has("Range") && method !== "HEAD";
  const body = template.bodyBytes ?? (template.body === "" ? undefined : Buffer.from(template.body));
  if (!has("User-Agent")) headers.push(plain("User-Agent", userAgent));
  if (unpacksAnswer) headers.push(plain("Accept-Encoding", "gzip"));
  if (!isRepeatable) headers.push(plain(keyName, idempotencyKey));
  if (authorization !== undefined) {
    headers.push({ name: "Authorization", value: authorization, isCredential: true });
  } else if (!has("Authorization") && (url.username !== "" || url.password !== "")) {
    headers.push(basicAuth(url));
  }
  return {
    ...{ method, url, headers, body, unpacksAnswer, isRepeatable },
    ...{ timeoutSeconds, insecureSkipVerify, clientCert },
  };
}

/** Throws BadRequest in Go's words. */
export function parseUrl(text: string): URL {
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? "";
  if (scheme !== "http" && scheme !== "https") {
    throw new ExecutorError("BadRequest", `unsupported protocol scheme ${JSON.stringify(scheme)}`);
  }
  // The parser takes tabs and line ends out in silence: another URL than the one that was written.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those must not be in a URL (RFC 3986)
  if (/[\x00-\x1f\x7f]/.test(text)) {
    throw new ExecutorError("BadRequest", "net/url: invalid control character in URL");
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // For port 0 Node connects to the default port.
  if (url === undefined || url.port === "0")
    throw new ExecutorError("BadRequest", "the URL cannot be parsed");
  return url;
}

/** Credentials in a URL, as Basic authentication. */
export function basicAuth(url: URL): RequestHeader {
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const value = `Basic ${Buffer.from(pair).toString("base64")}`;
  return { name: "Authorization", value, isCredential: true };
}

function readHeaders({ headers }: HttpTemplate, values: readonly string[]): RequestHeader[] {
  return headers.flatMap(({ name, secret }, index) => {
    const text = values[index] ?? "";
    const canonical = canonicalName(name);
    if (ownNames.has(canonical)) return [];
    if (!tokenPattern.test(canonical)) {
      throw new ExecutorError("BadRequest", `net/http: invalid header field name ${JSON.stringify(name)}`);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those must not be in a header (RFC 9110 5.5)
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) {
      const shown = JSON.stringify(name);
      throw new ExecutorError("BadRequest", `net/http: invalid header field value for ${shown}`);
    }
    // Node writes headers as Latin-1; this way the bytes on the wire are those of UTF-8.
    const value = Buffer.from(text).toString("latin1");
    return [{ name: canonical, value, isCredential: secret !== undefined || isCredentialName(canonical) }];
  });
}

function plain(name: string, value: string): RequestHeader {
  return { name, value, isCredential: false };
}

/** The form that Go's net/http gives a name: content-type becomes Content-Type; a name with characters that no header has stays as it is. */
export function canonicalName(name: string): string {
  if (!tokenPattern.test(name)) return name;
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** Repeating such a request has the effect of sending it once (RFC 9110 section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].includes(method.toUpperCase());
}

/** How messages begin: `Get "http://host/path"`, a password masked. */
function requestTitle(method: string, url: string): string {
  const verb = method === "" ? "GET" : method;
  const shown = url.replace(/^([a-z][a-z\d+.-]*:\/\/[^/?#@:]*):[^/?#@]*@/i, "$1:***@");
  return `${verb.charAt(0)}${verb.slice(1).toLowerCase()} ${JSON.stringify(shown)}`;
}

/**
 * Whether a header may carry a credential. Such headers do not follow a redirect to another server; more names than the
 * reference knows, for API keys have no standard name.
 */
function isCredentialName(name: string): boolean {
  return /auth|token|secret|api-?key|cookie|credential|password|session|signature/i.test(name);
}
