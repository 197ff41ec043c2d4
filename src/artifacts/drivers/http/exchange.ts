import { ExecutorError } from "../../../errors/index.ts";
import {
  followRedirects,
  type Hop,
  type HopField,
  type HttpClient,
  type HttpResponse,
  type Payload,
  type RedirectRules,
  type TokenSource,
} from "../../../http/index.ts";
import { span } from "../../../tracing/index.ts";
import { type HttpConfig, redact } from "./config.ts";

/** What must not travel to another host (docs/contract/artifacts.md#5.6; docs/contract/scenarios.md#S9). */
const credentialHeaders = new Set([
  "authorization",
  "cookie",
  "cookie2",
  "www-authenticate",
  "proxy-authorization",
]);

type Method = "GET" | "PUT" | "DELETE";

interface RequestBody {
  readonly payload: Payload;
  readonly canRepeat: boolean;
}

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
    return await this.#exchange("GET", url, extra, undefined, signal);
  }

  /** A body that is asked for again by a redirect is opened again. */
  async put(url: string, payload: Payload, canRepeat: boolean, signal: AbortSignal): Promise<HttpResponse> {
    const length: Record<string, string> =
      payload.sizeBytes === undefined ? {} : { "content-length": String(payload.sizeBytes) };
    return await this.#exchange("PUT", url, length, { payload, canRepeat }, signal);
  }

  async delete(url: string, signal: AbortSignal): Promise<HttpResponse> {
    return await this.#exchange("DELETE", url, {}, undefined, signal);
  }

  /** A token that the server takes no longer, whatever its end says, is replaced once. */
  async #exchange(
    method: Method,
    url: string,
    extra: Readonly<Record<string, string>>,
    body: RequestBody | undefined,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const used = await this.#tokens?.current(signal);
    const response = await this.#follow(method, url, extra, body, signal);
    const canRepeat = body === undefined || body.canRepeat;
    if (response.status !== 401 || used === undefined || !canRepeat) return response;
    if ((await this.#tokens?.renew(used, signal)) !== true) return response;
    response.body.destroy();
    return await this.#follow(method, url, extra, body, signal);
  }

  async #follow(
    method: Method,
    start: string,
    extra: Readonly<Record<string, string>>,
    body: RequestBody | undefined,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const url = new URL(start);
    const headers = Object.entries({ ...(await this.#ownHeaders(url, signal)), ...extra }).map(toField);
    const send = ({ method, url: { origin, hostname, pathname, search }, headers, payload }: Hop) => {
      const fields = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
      const request = { method, origin, path: pathname + search, headers: fields, payload };
      const attributes = {
        "http.request.method": method,
        "server.address": hostname,
        "artifact.type": this.#config.type,
      };
      const options = { isClient: true };
      return span(`HTTP ${method}`, attributes, () => this.#http.request(request, signal), options);
    };
    const rules: RedirectRules = {
      keepsCredentials: (first, next) => isSameOrSubdomain(next.hostname, first.hostname),
      checkContent: (status, from) => expectRepeatable(status, body?.canRepeat === true, from.url),
      show: ({ href }) => redact(href),
    };
    return await followRedirects({ method, url, headers, payload: body?.payload }, send, rules);
  }

  async #ownHeaders(url: URL, signal: AbortSignal): Promise<Record<string, string | readonly string[]>> {
    const headers: Record<string, string | readonly string[]> = { "user-agent": "outrider" };
    for (const [name, values] of this.#config.headers) headers[name.toLowerCase()] = values;
    if (this.#tokens !== undefined) {
      headers.authorization = await this.#tokens.current(signal);
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

function toField([name, value]: [string, string | readonly string[]]): HopField {
  return { name, value, isCredential: credentialHeaders.has(name) };
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
