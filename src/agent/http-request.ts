import { ExecutorError } from "../errors/index.ts";
import { canonicalName, isCredentialName, isIdempotent } from "./http-fields.ts";
import type { HttpTemplate } from "./http-template.ts";

/** A request as it goes on the wire, before any redirect. */
export interface PreparedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly RequestHeader[];
  readonly body: Buffer | undefined;
  /** We asked for gzip, the template did not: the answer is unpacked. */
  readonly unpacksAnswer: boolean;
  /** Whether sending it twice is the sender's wish: by its method, or because the template has a key for it. */
  readonly isRepeatable: boolean;
}

export interface RequestHeader {
  /** In canonical form. */
  readonly name: string;
  readonly value: string;
  readonly isCredential: boolean;
}

export interface RequestContext {
  /** Sent with requests that must not take effect twice. */
  readonly idempotencyKey: string;
  readonly userAgent: string;
  /** Throws what the node's message shall say. */
  readSecret(name: string, key: string): Promise<string>;
  /** For templates that have a way of their own to get an Authorization header; theirs goes first. */
  readAuthorization(): Promise<string | undefined>;
}

/** Names that the client sets itself; what a template says about them is ignored. */
const ownNames = new Set(["Content-Length", "Transfer-Encoding", "Trailer"]);
const keyName = "Idempotency-Key";

/** Throws BadRequest in Go's words for what cannot be sent. */
export async function prepareRequest(
  template: HttpTemplate,
  context: RequestContext,
): Promise<PreparedRequest> {
  const method = template.method === "" ? "GET" : template.method;
  if (!/^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(method)) {
    throw new ExecutorError("BadRequest", `net/http: invalid method ${JSON.stringify(method)}`);
  }
  const url = parseUrl(template.url);
  const headers = await readHeaders(template, context);
  const has = (name: string) => headers.some((header) => header.name === name);
  const hasOwnKey = has(keyName) || has(`X-${keyName}`);
  const isRepeatable = isIdempotent(method) || hasOwnKey;
  const unpacksAnswer = !has("Accept-Encoding") && !has("Range") && method !== "HEAD";
  const body = template.bodyBytes ?? (template.body === "" ? undefined : Buffer.from(template.body));
  if (!has("User-Agent")) headers.push(plain("User-Agent", context.userAgent));
  if (unpacksAnswer) headers.push(plain("Accept-Encoding", "gzip"));
  if (!isRepeatable) headers.push(plain(keyName, context.idempotencyKey));
  const authorization = has("Authorization") ? undefined : await context.readAuthorization();
  if (authorization !== undefined) {
    headers.push({ name: "Authorization", value: authorization, isCredential: true });
  } else if (!has("Authorization") && (url.username !== "" || url.password !== "")) {
    headers.push(basicAuth(url));
  }
  return { method, url, headers, body, unpacksAnswer, isRepeatable };
}

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

async function readHeaders({ headers }: HttpTemplate, context: RequestContext): Promise<RequestHeader[]> {
  const found: RequestHeader[] = [];
  for (const { name, value, secret } of headers) {
    const text = secret === undefined ? value : await context.readSecret(secret.name, secret.key);
    const canonical = canonicalName(name);
    if (ownNames.has(canonical)) continue;
    if (!/^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(canonical)) {
      throw new ExecutorError("BadRequest", `net/http: invalid header field name ${JSON.stringify(name)}`);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those must not be in a header (RFC 9110 5.5)
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) {
      throw new ExecutorError(
        "BadRequest",
        `net/http: invalid header field value for ${JSON.stringify(name)}`,
      );
    }
    found.push({
      name: canonical,
      // Node writes headers as Latin-1; this way the bytes on the wire are those of UTF-8.
      value: Buffer.from(text).toString("latin1"),
      isCredential: secret !== undefined || isCredentialName(canonical),
    });
  }
  return found;
}

function plain(name: string, value: string): RequestHeader {
  return { name, value, isCredential: false };
}
