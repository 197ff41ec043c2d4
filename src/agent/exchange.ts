import { ExecutorError } from "../errors/index.ts";
import { type HttpClient, type HttpResponse, payloadOf } from "../http/index.ts";
import { isIdempotent } from "./http-fields.ts";
import { basicAuth, type PreparedRequest, parseUrl, type RequestHeader } from "./http-request.ts";

/** Chooses the client for a target: proxy, trust and kept connections depend on it. */
export type ClientFor = (url: URL, isRepeatable: boolean) => HttpClient;

const redirectsMax = 10;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly RequestHeader[];
  readonly body: Buffer | undefined;
}

/**
 * Sends the request and follows up to ten redirects (contract roles.md 1.8). Headers that carry credentials go to the
 * original server and the subdomains of its name only, never from https back to http; once dropped, they stay dropped.
 */
export async function exchange(
  request: PreparedRequest,
  clientFor: ClientFor,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let hop: Hop = request;
  for (let count = 0; ; count++) {
    const response = await send(
      hop,
      clientFor(hop.url, request.isRepeatable || isIdempotent(hop.method)),
      signal,
    );
    const location = response.headers.location;
    if (!redirects.has(response.status) || location === undefined || location === "") return response;
    response.body.destroy();
    if (count === redirectsMax) {
      throw new ExecutorError("BadRequest", `stopped after ${redirectsMax} redirects`);
    }
    hop = redirect(hop, request.url, response.status, location);
  }
}

function send(hop: Hop, client: HttpClient, signal: AbortSignal): Promise<HttpResponse> {
  const { method, url, headers, body } = hop;
  const fields: Record<string, string[]> = {};
  for (const { name, value } of headers) {
    // The last Host wins; all other repeated names are repeated on the wire.
    fields[name] = name === "Host" ? [value] : [...(fields[name] ?? []), value];
  }
  if (body !== undefined || !["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"].includes(method)) {
    fields["Content-Length"] = [String(body?.byteLength ?? 0)];
  }
  const payload = body === undefined ? undefined : payloadOf(body);
  const single = Object.entries(fields).map(([name, values]) => [
    name,
    values.length === 1 ? values[0] : values,
  ]);
  return client.request(
    { method, origin: url.origin, path: pathOf(url), headers: Object.fromEntries(single), payload },
    signal,
  );
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}

function redirect(from: Hop, original: URL, status: number, location: string): Hop {
  if (!URL.canParse(location, from.url)) {
    throw new ExecutorError("BadRequest", "failed to parse Location header of the redirect");
  }
  const url = parseUrl(new URL(location, from.url).href);
  const keepsBody = status === 307 || status === 308;
  const method = keepsBody || from.method === "HEAD" ? from.method : "GET";
  const isRelative = !/^([a-z][a-z\d+.-]*:)?\/\//i.test(location);
  const staysHome = isSameServer(original, url);
  const headers = from.headers.filter(
    ({ name, isCredential }) =>
      (name !== "Host" || isRelative) &&
      (!isCredential || staysHome) &&
      (keepsBody || !(name.startsWith("Content-") || name === "Idempotency-Key")),
  );
  const hasOwn = url.username !== "" || url.password !== "";
  const authorized = hasOwn && !headers.some(({ name }) => name === "Authorization");
  return {
    method,
    url,
    headers: authorized ? [...headers, basicAuth(url)] : headers,
    body: keepsBody ? from.body : undefined,
  };
}

/** The same name or a subdomain of it, on the same port; or the same on https after http, each on its own port. */
function isSameServer(original: URL, target: URL): boolean {
  const isSameName =
    target.hostname === original.hostname || target.hostname.endsWith(`.${original.hostname}`);
  const isUpgrade = original.protocol === "http:" && target.protocol === "https:";
  const isSamePlace = target.protocol === original.protocol && target.port === original.port;
  return isSameName && (isSamePlace || (isUpgrade && original.port === "" && target.port === ""));
}
