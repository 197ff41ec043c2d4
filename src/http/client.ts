import type { ClientRequest, Agent as HttpAgent, IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import type { SecureContext } from "node:tls";
import { ExecutorError } from "../errors/index.ts";
import type { ByteSink } from "./byte-sink.ts";
import { type DirectAnswer, DirectGets, type TlsSettings } from "./direct-get.ts";
import { type DirectSend, DirectSends } from "./direct-send.ts";
import { translateNetworkError } from "./errors.ts";
import { isPayloadStream, type Payload, writePayload } from "./payload.ts";
import { type ProxyBypass, parseNoProxy } from "./proxy-bypass.ts";
import { ReceivedBody } from "./received-body.ts";

export interface HttpClientOptions {
  /** PEM of the roots to trust, instead of Node's own. */
  readonly caPem?: string | undefined;
  /** PEM of a client certificate and its key. */
  readonly clientCert?: { readonly certPem: string; readonly keyPem: string } | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** Accept any certificate. */
  readonly insecureSkipVerify?: boolean;
  /**
   * False: a connection of its own for each request, so that a broken connection never leaves open whether a request
   * that must not be repeated had arrived. Default true.
   */
  readonly keepsConnections?: boolean;
  /** Instead of the system's resolver, asked for each connection. */
  readonly lookup?: LookupFunction;
  /** Limit for name look-up, connection and TLS handshake. */
  readonly connectTimeoutMs?: number;
  /** Longest silence on the connection between the start of the request and the head of its answer. */
  readonly idleTimeoutMs?: number;
}

/** As in the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY; Go's rules say what they mean. */
export interface ProxySettings {
  readonly httpProxy: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly noProxy: string | undefined;
}

export interface HttpRequest {
  readonly method: string;
  /** `https://host:port`, nothing after it. */
  readonly origin: string;
  /** Path and query exactly as they go on the wire; never normalised, because object keys may hold `..` and `//`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly payload?: Payload | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end or destroyed; until then it holds the connection. */
  readonly body: Readable;
}

const defaultConnectTimeoutMs = 10_000;
const defaultIdleTimeoutMs = 60_000;
/** Servers close idle connections after 5 s and more; a connection that we drop first cannot be reset under a request. */
const keepAliveMs = 4_000;
/** Larger payloads take so long to send that what their request costs besides does not show. */
const directPayloadMaxBytes = 1024 * 1024;
/** What Node's client refuses, or encodes in a way of its own, in a path and in a header's value. */
const isUnusualPath = /[^\x21-\x7e]/;
const isUnusualValue = /[^\t\x20-\x7e]/;
/** The head of an answer; Go's client takes 10 MiB, Node's own 16 KiB, which some identity providers exceed. */
const headBytesMax = 1024 * 1024;

/**
 * HTTP/1.1 with kept connections, proxies, own roots and timeouts, on Node's own client: loading it costs a twentieth
 * of what a pod pays for undici (docs/artifacts/integrity.md has the figures). It follows no redirects and repeats
 * nothing but a request that met a connection which the server had closed while it was idle.
 */
export class HttpClient implements Disposable {
  readonly #options: HttpClientOptions;
  readonly #bypassesProxy: ProxyBypass;
  /** By protocol, with and without its proxy. */
  readonly #agents = new Map<string, HttpAgent>();
  #tlsContext: SecureContext | undefined;
  #directGets: DirectGets | undefined;
  #directSends: DirectSends | undefined;

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
    this.#bypassesProxy = parseNoProxy(options.proxy?.noProxy);
  }

  /** Sends the request; resolves with the head of the answer. Throws Transient for what the network does to us. */
  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const small = this.#toDirectSend(request);
    if (small !== undefined) return await this.#send(small, signal);
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.#exchange(request, signal);
      } catch (error) {
        if (!(error instanceof StaleConnection)) throw error;
      }
    }
  }

  /**
   * A GET whose body of exactly `sizeBytes` goes straight to the sink. Undefined where that cannot be: through a proxy,
   * or because the answer is an unusual one. Nothing has happened then, and `request` gets the answer.
   */
  async receive(
    request: HttpRequest,
    sizeBytes: number,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<DirectAnswer | undefined> {
    const { lookup, idleTimeoutMs, connectTimeoutMs } = this.#options;
    const { origin, path } = request;
    if (lookup !== undefined || this.#proxyFor(new URL(origin)) !== undefined) return undefined;
    const limits = {
      connectTimeoutMs: connectTimeoutMs ?? defaultConnectTimeoutMs,
      idleTimeoutMs: idleTimeoutMs ?? defaultIdleTimeoutMs,
      keepAliveMs,
    };
    this.#directGets ??= new DirectGets(limits, () => this.#tlsSettings());
    const headers = request.headers as Readonly<Record<string, string>>;
    const get = { origin, path, headers, during: describe(request), sizeBytes };
    return await this.#directGets.get(get, sink, signal);
  }

  /** The agent underneath for an address, for libraries that bring their own client. */
  agentFor(url: URL): HttpAgent {
    const proxy = this.#proxyFor(url);
    const key = `${url.protocol}${proxy === undefined ? "" : " by proxy"}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = url.protocol === "https:" ? this.#openTls(proxy) : this.#openPlain(proxy);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  /** Drops the idle connections. */
  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#directGets?.[Symbol.dispose]();
    this.#directSends?.[Symbol.dispose]();
  }

  async #send(request: DirectSend, signal: AbortSignal): Promise<HttpResponse> {
    const { connectTimeoutMs, idleTimeoutMs } = this.#options;
    this.#directSends ??= new DirectSends({
      connectTimeoutMs: connectTimeoutMs ?? defaultConnectTimeoutMs,
      idleTimeoutMs: idleTimeoutMs ?? defaultIdleTimeoutMs,
      keepAliveMs,
    });
    const { status, statusText, headers, body } = await this.#directSends.send(request, signal);
    return { status, statusText, headers, body: new ReceivedBody(body) };
  }

  /** A small PUT over plain http as it goes on the wire; undefined for all that is better left to Node's client. */
  #toDirectSend(request: HttpRequest): DirectSend | undefined {
    const { method, origin, path, headers, payload } = request;
    if (method !== "PUT" || payload === undefined || "open" in payload) return undefined;
    if (payload.sizeBytes > directPayloadMaxBytes || isUnusualPath.test(path)) return undefined;
    const { lookup, keepsConnections } = this.#options;
    if (lookup !== undefined || keepsConnections === false) return undefined;
    if (!origin.startsWith("http:") || this.#proxyFor(new URL(origin)) !== undefined) return undefined;
    let head = `PUT ${path} HTTP/1.1\r\n`;
    for (const name in headers) {
      const value = headers[name];
      if (typeof value !== "string" || isUnusualValue.test(value)) return undefined;
      head += `${name}: ${value}\r\n`;
    }
    // Whoever signs has these in lower case; who has other spellings, or a connection header, is Node's client's.
    if (headers.host === undefined || headers["content-length"] !== String(payload.sizeBytes))
      return undefined;
    if (headers.connection !== undefined) return undefined;
    head += "connection: keep-alive\r\n\r\n";
    return { origin, head, chunks: payload.chunks, during: describe(request) };
  }

  #exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
    const url = new URL(request.origin);
    const { protocol, hostname, port } = url;
    const sent = builtin(protocol).request({
      protocol,
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? undefined : Number(port),
      method: request.method,
      path: request.path,
      headers: request.headers as Record<string, string | string[]>,
      agent: this.agentFor(url),
      maxHeaderSize: headBytesMax,
      signal,
    });
    sent.maxHeadersCount = 0;
    const fail = (error: Error) => {
      if (signal.aborted) reject(signal.reason);
      else if (isStale(sent, error, request.payload)) reject(new StaleConnection());
      else reject(translateNetworkError(error, describe(request)));
    };
    this.#limitConnecting(sent, request);
    sent.on("error", fail);
    sent.on("response", (response) => {
      sent.setTimeout(0);
      resolve(toResponse(response));
    });
    sent.setTimeout(this.#options.idleTimeoutMs ?? defaultIdleTimeoutMs, () => {
      sent.destroy(timeoutError("i/o timeout: the server says nothing"));
    });
    writePayload(sent, request.payload).catch((error: unknown) => {
      // The source of the body failed, not the network: its own error is the one that counts.
      reject(error);
      sent.destroy();
    });
    return promise;
  }

  #limitConnecting(sent: ClientRequest, request: HttpRequest): void {
    const limitMs = this.#options.connectTimeoutMs ?? defaultConnectTimeoutMs;
    sent.on("socket", (socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(
        () => sent.destroy(timeoutError(`dial tcp ${hostOf(request)}: i/o timeout`)),
        limitMs,
      );
      const done = () => clearTimeout(timer);
      socket.once(request.origin.startsWith("https:") ? "secureConnect" : "connect", done);
      socket.once("close", done);
    });
  }

  #proxyFor(url: URL): string | undefined {
    const { httpProxy, httpsProxy } = this.#options.proxy ?? {};
    const proxy = url.protocol === "https:" ? httpsProxy : httpProxy;
    return proxy === undefined || proxy === "" || this.#bypassesProxy(url) ? undefined : proxy;
  }

  #openPlain(proxy: string | undefined): HttpAgent {
    return new (builtin("http:").Agent)(this.#agentOptions(proxy));
  }

  #openTls(proxy: string | undefined): HttpAgent {
    const https = process.getBuiltinModule("node:https");
    return new https.Agent({ ...this.#agentOptions(proxy), ...this.#tlsSettings() });
  }

  /** One context for all connections: parsing a bundle of 150 roots for each of them would cost milliseconds. */
  #tlsSettings(): TlsSettings {
    this.#tlsContext ??= this.#openTlsContext();
    return {
      secureContext: this.#tlsContext,
      rejectUnauthorized: this.#options.insecureSkipVerify !== true,
    };
  }

  #openTlsContext(): SecureContext {
    const { caPem, clientCert } = this.#options;
    try {
      return process.getBuiltinModule("node:tls").createSecureContext({
        minVersion: "TLSv1.2",
        ...(caPem === undefined ? {} : { ca: caPem }),
        ...(clientCert === undefined ? {} : { cert: clientCert.certPem, key: clientCert.keyPem }),
      });
    } catch (error) {
      throw ExecutorError.wrap(
        new ExecutorError("BadRequest", error instanceof Error ? error.message : String(error)),
        "the CA bundle, the client certificate or its key is not valid PEM",
      );
    }
  }

  #agentOptions(proxy: string | undefined) {
    const { lookup, keepsConnections } = this.#options;
    // Without a scheme it is "host:port".
    const proxyUrl = proxy?.includes("://") === false ? `http://${proxy}` : proxy;
    return {
      ...(lookup && { lookup }),
      keepAlive: keepsConnections !== false,
      timeout: keepAliveMs,
      scheduling: "lifo" as const,
      noDelay: true,
      ...(proxyUrl === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl } }),
    };
  }
}

/**
 * Not an import: as ES modules, `node:http` and `node:https` evaluate every lazy export, WebSocket and its client
 * included, which costs 50 ms of CPU at the start of a pod instead of 4.
 */
function builtin(protocol: string): typeof import("node:http") {
  return protocol === "https:"
    ? (process.getBuiltinModule("node:https") as unknown as typeof import("node:http"))
    : process.getBuiltinModule("node:http");
}

/** The server had closed the kept connection before our request arrived; it cannot have acted on it. */
class StaleConnection extends Error {}

function isStale(sent: ClientRequest, error: Error, payload: Payload | undefined): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return sent.reusedSocket && (code === "ECONNRESET" || code === "EPIPE") && !isPayloadStream(payload);
}

function toResponse(response: IncomingMessage): HttpResponse {
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? "",
    headers: response.headers,
    body: response,
  };
}

function timeoutError(message: string): Error {
  return Object.assign(new Error(message), { code: "ETIMEDOUT" });
}

function hostOf({ origin }: HttpRequest): string {
  return origin.replace(/^[a-z]+:\/\//, "");
}

/** The request without its query, where signatures and tokens live. */
function describe({ method, origin, path }: HttpRequest): string {
  const word = method.charAt(0) + method.slice(1).toLowerCase();
  return `${word} "${origin}${path.replace(/\?.*$/s, "")}"`;
}
