import {
  followRedirects,
  type Hop,
  type HttpClient,
  type HttpResponse,
  payloadOf,
  type RedirectRules,
} from "../http/index.ts";
import { type NamedSpan, span } from "../tracing/index.ts";
import { isIdempotent } from "./http-fields.ts";
import { basicAuth, type PreparedRequest } from "./http-request.ts";

/** Chooses the client for a target: proxy, trust and kept connections depend on it. */
export type ClientFor = (url: URL, isRepeatable: boolean) => HttpClient;

/**
 * Headers that carry credentials go to the original server and the subdomains of its name only, never from https back
 * to http (docs/contract/roles.md#1.8).
 */
const rules: Omit<RedirectRules, "show"> = {
  keepsCredentials: isSameServer,
  complete(next) {
    const { url, headers } = next;
    const hasOwn = url.username !== "" || url.password !== "";
    const isAuthorized = headers.some(({ name }) => name === "Authorization");
    return hasOwn && !isAuthorized ? { ...next, headers: [...headers, basicAuth(url)] } : next;
  },
};

/** Sends the request and follows its redirects. @param title names it in errors */
export async function exchange(
  request: PreparedRequest,
  clientFor: ClientFor,
  title: string,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { method, url, headers, body } = request;
  const first = { method, url, headers, payload: body && payloadOf(body) };
  const send = (hop: Hop) => {
    const isRepeatable = request.isRepeatable || isIdempotent(hop.method);
    return hopSpan(hop, () =>
      clientFor(hop.url, isRepeatable).request({ ...requestOf(hop), isRepeatable, during: title }, signal),
    );
  };
  return await followRedirects(first, send, { ...rules, show: () => title });
}

/** Paths and queries are the user's, tokens in them too: a span names the server alone. */
function hopSpan({ method, url }: Hop, work: () => Promise<HttpResponse>): Promise<HttpResponse> {
  const attributes = () => ({ "http.request.method": method, "server.address": url.host });
  const send = async (own: NamedSpan) => {
    const response = await work();
    own.set({ "http.response.status_code": response.status });
    return response;
  };
  return span(`HTTP ${method}`, attributes, send, { isClient: true });
}

function requestOf({ method, url, headers, payload }: Hop) {
  const fields: Record<string, string[]> = {};
  for (const { name, value } of headers) {
    const values = typeof value === "string" ? [value] : [...value];
    // The last Host wins; all other repeated names are repeated on the wire.
    fields[name] = name === "Host" ? values : [...(fields[name] ?? []), ...values];
  }
  if (payload !== undefined || !["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"].includes(method)) {
    fields["Content-Length"] = [String(payload?.sizeBytes ?? 0)];
  }
  return { method, origin: url.origin, path: url.pathname + url.search, headers: fields, payload };
}

/** The same name or a subdomain of it, on the same port; or the same on https after http, each on its own port. */
function isSameServer(original: URL, target: URL): boolean {
  const isSameName =
    target.hostname === original.hostname || target.hostname.endsWith(`.${original.hostname}`);
  const isUpgrade = original.protocol === "http:" && target.protocol === "https:";
  const isSamePlace = target.protocol === original.protocol && target.port === original.port;
  return isSameName && (isSamePlace || (isUpgrade && original.port === "" && target.port === ""));
}
