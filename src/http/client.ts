import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import { type ErrorReason, ExecutorError, errorText } from "../errors/index.ts";
import { Stops } from "../limits/index.ts";
import type { ByteSink } from "../streams/index.ts";
import type { AnswerHead } from "./answer-head.ts";
import { Connection, type ConnectionSettings, type WireAnswer, type WireRequest } from "./connection.ts";
import type { Route } from "./dial.ts";
import { translateNetworkError } from "./errors.ts";
import type { Http2Client } from "./http2.ts";
import { isPayloadStream } from "./payload.ts";
import { Pool } from "./pool.ts";
import type { HttpRequest, HttpResponse, Received } from "./request.ts";
import { encodeHead } from "./request-head.ts";
import { trustPublicRoots } from "./roots.ts";
import { type ProxySettings, Routes } from "./routes.ts";

export interface HttpClientOptions {
  /** PEM of the roots to trust, instead of Node's own. */
  readonly caPem?: string | Buffer | undefined;
  /** PEM of a client certificate and its key. */
  readonly clientCert?: { readonly certPem: string | Buffer; readonly keyPem: string | Buffer } | undefined;
  /** The name that the server's certificate must have, where it is not the host's. */
  readonly serverName?: string | undefined;
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
  /** Limit for name look-up, connection, proxy and TLS handshake. */
  readonly connectTimeoutMs?: number;
  /** Longest silence on the connection between the start of the request and the head of its answer; 0: none. */
  readonly idleTimeoutMs?: number;
  /** What a user can do, for the end of error messages. */
  readonly remedies?: Partial<Record<ErrorReason, string>>;
  /** Speak HTTP/2 to servers that refuse HTTP/1.1 in the TLS handshake; loads a client for it then. Default false. */
  readonly speaksHttp2?: boolean;
}

const defaultConnectTimeoutMs = 10_000;
const defaultIdleTimeoutMs = 60_000;
const idempotentMethods = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);
const methodsWithContent = new Set(["POST", "PUT", "PATCH"]);

/**
 * HTTP/1.1 on sockets of its own, with kept connections, proxies, own roots and timeouts. It follows no redirects and
 * repeats nothing but a request that may be repeated, and met a connection which the server had closed while it was
 * idle. Node's own client is not loaded: what that does for one request costs more than all else a small file needs.
 */
export class HttpClient implements Disposable {
  readonly #options: HttpClientOptions;
  readonly #routes: Routes;
  readonly #pool = new Pool();
  readonly #busy = new Set<Connection>();
  readonly #stops = new Stops();
  readonly #settings: ConnectionSettings;
  readonly #http2Origins = new Set<string>();
  #http2: Promise<Http2Client> | undefined;
  #secureContext: SecureContext | undefined;

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
    this.#routes = new Routes(options.proxy);
    this.#settings = {
      lookup: options.lookup,
      connectTimeoutMs: options.connectTimeoutMs ?? defaultConnectTimeoutMs,
      idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeoutMs,
      insecureSkipVerify: options.insecureSkipVerify === true,
      serverName: options.serverName,
      secureContext: () => this.#tlsContext(),
      received: Buffer.allocUnsafeSlow(16 * 1024),
    };
  }

  /** Sends the request; resolves with the head of the answer. Throws Transient for what the network does to us. */
  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    return await this.#exchange(request, undefined, signal);
  }

  /**
   * The same, but a body that is plain, of exactly `sizeBytes` and of a 200 or 206, goes straight to the sink, without
   * a stream in between; the promise resolves when it is there. What the sink has got of a body that breaks stays.
   */
  async receive(
    request: HttpRequest,
    sizeBytes: number,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<Received> {
    return await this.#exchange(request, (head) => (isPlain(head, sizeBytes) ? sink : undefined), signal);
  }

  /** Drops all connections, those too whose answer nobody has read to its end. */
  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
    for (const connection of this.#busy) connection.drop();
    this.#busy.clear();
    void this.#http2?.then((client) => client[Symbol.dispose]()).catch(() => {});
  }

  async #exchange(
    request: HttpRequest,
    chooseSink: WireRequest["chooseSink"],
    signal: AbortSignal,
  ): Promise<Received> {
    const during = request.during ?? describe(request);
    const route = this.#routes.to(request.origin);
    const wire = this.#encode(request, route, chooseSink, during);
    for (;;) {
      signal.throwIfAborted();
      if (this.#http2Origins.has(request.origin))
        return await this.#overHttp2(request, route, during, signal);
      const kept = this.#options.keepsConnections === false ? undefined : this.#pool.take(request.origin);
      const connection = kept ?? this.#connect(request.origin, route, signal);
      try {
        return toReceived(await this.#send(connection, wire, signal));
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (kept && connection.wasClosedUnheard && isRepeatable(request)) continue;
        const failure = this.#withRemedy(translateNetworkError(error, during));
        if (failure.reason !== "NoProtocol" || this.#options.speaksHttp2 !== true) throw failure;
        this.#http2Origins.add(request.origin);
      }
    }
  }

  /** The signal stands by until the body has ended. */
  async #send(connection: Connection, wire: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    const stop = () => connection.drop(signal.reason);
    const forget = () => {
      this.#stops.remove(signal, stop);
      this.#busy.delete(connection);
    };
    this.#stops.add(signal, stop);
    this.#busy.add(connection);
    let answer: WireAnswer;
    try {
      answer = await connection.exchange(wire);
    } catch (error) {
      forget();
      throw error;
    }
    if (answer.isComplete) forget();
    else answer.body.once("close", forget);
    return answer;
  }

  #connect(origin: string, route: Route, signal: AbortSignal): Connection {
    const connection = new Connection(route, this.#settings, signal);
    connection.onIdle = () => this.#pool.keep(origin, connection);
    return connection;
  }

  #encode(
    request: HttpRequest,
    route: Route,
    chooseSink: WireRequest["chooseSink"],
    during: string,
  ): WireRequest {
    const { method, path, headers, payload } = request;
    const own: Record<string, string> = {};
    if (payload?.sizeBytes !== undefined) own["content-length"] = String(payload.sizeBytes);
    else if (payload !== undefined) own["transfer-encoding"] = "chunked";
    else if (methodsWithContent.has(method)) own["content-length"] = "0";
    const byProxy = route.isTls ? undefined : route.proxy;
    if (byProxy?.authorization) own["proxy-authorization"] = byProxy.authorization;
    const closesConnection = this.#options.keepsConnections === false;
    own.connection = closesConnection ? "close" : "keep-alive";
    const target = byProxy ? `http://${route.authority}${path}` : path;
    const head = encodeHead({ method, target, authority: route.authority, headers, own }, during);
    return { method, head, payload, closesConnection, chooseSink };
  }

  async #overHttp2(
    request: HttpRequest,
    route: Route,
    during: string,
    signal: AbortSignal,
  ): Promise<Received> {
    this.#http2 ??= import("./http2.ts").then(({ openHttp2Client }) => openHttp2Client(this.#settings));
    try {
      return { ...(await (await this.#http2).request(request, route, signal)), isInSink: false };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.#withRemedy(translateNetworkError(error, during));
    }
  }

  #withRemedy(error: ExecutorError): ExecutorError {
    const { code, message, reason, retryAfterMs, cause } = error;
    const remedy = reason && this.#options.remedies?.[reason];
    return remedy === undefined
      ? error
      : new ExecutorError(code, `${message}; ${remedy}`, { cause, reason, retryAfterMs });
  }

  /** One context for all connections: parsing a bundle of 150 roots for each of them would cost milliseconds. */
  #tlsContext(): SecureContext {
    const { caPem, clientCert } = this.#options;
    if (caPem === undefined) trustPublicRoots();
    try {
      this.#secureContext ??= process.getBuiltinModule("node:tls").createSecureContext({
        minVersion: "TLSv1.2",
        ...(caPem === undefined ? {} : { ca: caPem }),
        ...(clientCert === undefined ? {} : { cert: clientCert.certPem, key: clientCert.keyPem }),
      });
      return this.#secureContext;
    } catch (error) {
      const text = `the CA bundle, the client certificate or its key is not valid PEM: ${errorText(error)}`;
      throw new ExecutorError("BadRequest", text, { cause: error });
    }
  }
}

function isRepeatable({ method, payload, isRepeatable: wish }: HttpRequest): boolean {
  return !isPayloadStream(payload) && (wish ?? idempotentMethods.has(method));
}

function isPlain({ status, headers, framing }: AnswerHead, sizeBytes: number): boolean {
  const isAsLong = framing.kind === "length" && framing.sizeBytes === sizeBytes && sizeBytes > 0;
  return isAsLong && (status === 200 || status === 206) && headers["content-encoding"] === undefined;
}

function toReceived({ head, body, isInSink }: WireAnswer): Received {
  const { status, statusText, headers, rawHeaders } = head;
  return { status, statusText, headers, rawHeaders, body, isInSink };
}

function describe({ method, origin, path }: HttpRequest): string {
  const word = method.charAt(0) + method.slice(1).toLowerCase();
  return `${word} "${origin}${path.replace(/\?.*$/s, "")}"`;
}
