import { ExecutorError } from "../../../errors/index.ts";
import { discardBody, type HttpClient, type HttpResponse, type Payload } from "../../../http/index.ts";
import { span } from "../../../tracing/index.ts";
import { type HttpConfig, redact } from "./config.ts";
import type { TokenSource } from "./oauth2.ts";

type Headers = Record<string, string | readonly string[]>;

const redirectsMax = 10;
const stallTimeoutMs = 60_000;
/** What must not travel to another host (docs/contract/artifacts.md#5.6; S9). */
const credentialHeaders = new Set([
  "authorization",
  "cookie",
  "cookie2",
  "www-authenticate",
  "proxy-authorization",
]);

/** Sends the requests of one http location: its headers, its credentials, its redirects. */
export class Exchange {
  readonly #config: HttpConfig;
  readonly #http: HttpClient;
  readonly #tokens: TokenSource | undefined;

  constructor(config: HttpConfig, http: HttpClient, tokens: TokenSource | undefined) {
    this.#config = config;
    this.#http = http;
    this.#tokens = tokens;
  }

  /** True if the user asks for encodings of his own: what comes back is then passed on as it is. */
  get choosesEncoding(): boolean {
    return [...this.#config.headers.keys()].some((name) => name.toLowerCase() === "accept-encoding");
  }

  async get(
    url: string,
    extra: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    return await this.#follow("GET", url, extra, undefined, signal);
  }

  /** A body that is asked for again by a redirect is opened again. */
  async put(url: string, payload: Payload, canRepeat: boolean, signal: AbortSignal): Promise<HttpResponse> {
    const length: Record<string, string> =
      payload.sizeBytes === undefined ? {} : { "content-length": String(payload.sizeBytes) };
    return await this.#follow("PUT", url, length, { payload, canRepeat }, signal);
  }

  async #follow(
    method: "GET" | "PUT",
    start: string,
    extra: Readonly<Record<string, string>>,
    body: { readonly payload: Payload; readonly canRepeat: boolean } | undefined,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    let url = new URL(start);
    let headers: Headers = { ...(await this.#ownHeaders(url, signal)), ...extra };
    for (let redirects = 0; ; redirects += 1) {
      const payload = body?.payload;
      const path = url.pathname + url.search;
      const { origin, hostname } = url;
      const response = await span(
        `HTTP ${method}`,
        { "http.request.method": method, "server.address": hostname, "artifact.type": this.#config.type },
        () => this.#http.request({ method, origin, path, headers, payload }, signal),
        { isClient: true },
      );
      const location = response.headers.location;
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
      await discardBody(response.body, { during: `redirect of ${redact(url.href)}`, stallTimeoutMs });
      if (redirects >= redirectsMax) {
        throw new ExecutorError("BadRequest", `${redact(start)}: stopped after ${redirectsMax} redirects`);
      }
      if (body !== undefined) expectRepeatable(response.status, body.canRepeat, url);
      const next = redirectTarget(location, url);
      if (!isSameOrSubdomain(next.hostname, url.hostname)) headers = withoutCredentials(headers);
      url = next;
    }
  }

  async #ownHeaders(url: URL, signal: AbortSignal): Promise<Headers> {
    const headers: Headers = { "user-agent": "outrider" };
    for (const [name, values] of this.#config.headers) headers[name.toLowerCase()] = values;
    if (this.#tokens !== undefined) {
      headers.authorization = await this.#tokens.authorization(signal);
    } else if (this.#config.basicAuth !== undefined) {
      const { username, password } = this.#config.basicAuth;
      headers.authorization = basic(username, password);
    } else if (url.username !== "" && headers.authorization === undefined) {
      headers.authorization = basic(decodeURIComponent(url.username), decodeURIComponent(url.password));
    }
    return headers;
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function redirectTarget(location: string, from: URL): URL {
  if (!URL.canParse(location, from)) {
    throw new ExecutorError("BadRequest", `${redact(from.href)} redirects to something that is not a URL`);
  }
  const target = new URL(location, from);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new ExecutorError(
      "BadRequest",
      `${redact(from.href)} redirects to ${target.protocol}, which is not http`,
    );
  }
  return target;
}

/** 301, 302 and 303 ask for a GET, after which nothing would be stored: they are failures of a PUT, told as such. */
function expectRepeatable(status: number, canRepeat: boolean, url: URL): void {
  if (status !== 307 && status !== 308) {
    const text = `PUT ${redact(url.href)} was redirected with status ${status}, which drops the content; the server must use 307 or 308`;
    throw new ExecutorError("BadRequest", text);
  }
  if (!canRepeat) {
    const text = `PUT ${redact(url.href)} was redirected, and the content cannot be read a second time`;
    throw new ExecutorError("Unsupported", text);
  }
}

function isSameOrSubdomain(host: string, parent: string): boolean {
  return host === parent || host.endsWith(`.${parent}`);
}

function withoutCredentials(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !credentialHeaders.has(name)));
}
