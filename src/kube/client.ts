import { ExecutorError, type TextPattern } from "../errors/index.ts";
import {
  discardBody,
  HttpClient,
  type HttpResponse,
  payloadOf,
  type RequestHeaders,
  readText,
} from "../http/index.ts";
import { retry } from "../retry/index.ts";
import type { KubeConnection } from "./connection.ts";
import { connectionError, statusError } from "./errors.ts";
import { requestSpan } from "./request-span.ts";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Path with query, percent-encoded. */
  readonly path: string;
  readonly body?: unknown;
  /** The body as JSON text already; goes before `body`. */
  readonly json?: string;
  readonly contentType?:
    | "application/json"
    | "application/merge-patch+json"
    | "application/strategic-merge-patch+json"
    | "application/json-patch+json"
    | "application/apply-patch+yaml";
  /** Default: JSON, whatever its shape. */
  readonly accept?: string;
  /** Goes out of the answer's text before it is parsed. */
  readonly omit?: RegExp;
  /** For how long altogether Retry-After is obeyed here, default 60 s; 0: the caller has a policy of its own. */
  readonly patienceMs?: number;
}

export interface KubeClientOptions {
  readonly userAgent: string;
  /** A connection on which nothing comes for so long is given up. */
  readonly idleTimeoutMs: number;
  /** `TRANSIENT_ERROR_PATTERN`. */
  readonly transientPattern: TextPattern | undefined;
}

/** Answers larger than this are refused; no object in etcd is larger than 1.5 MiB, a list may be. */
const answerBytesMax = 64 * 1024 * 1024;
const retryAfterTimesMax = 10;
const patienceMsDefault = 60_000;
const errorBytesMax = 1024 * 1024;

/**
 * Sends single requests to the API server over kept connections. Errors are ExecutorErrors whose code follows
 * docs/contract/pod.md#6.4. An answer with Retry-After is waited for and repeated up to ten times
 * (docs/contract/pod.md#6.1), as client-go does, but never for longer than the request's patience: a server that asks
 * for an hour is an error now.
 *
 * The generated client of @kubernetes/client-node takes more CPU to load than a pod without artifacts takes in all.
 */
export class KubeClient implements AsyncDisposable {
  readonly namespace: string;
  /** Where the API server is, as this client reaches it. */
  readonly address: string;
  readonly #connection: KubeConnection;
  readonly #options: KubeClientOptions;
  readonly #http: HttpClient;
  /** What lies in front of every path: API servers behind a gateway have one. */
  readonly #basePath: string;

  constructor(connection: KubeConnection, options: KubeClientOptions) {
    this.namespace = connection.namespace;
    this.#connection = connection;
    this.#options = options;
    this.#basePath = connection.server.pathname.replace(/\/+$/, "");
    this.address = connection.server.origin + this.#basePath;
    const { ca, cert, key, servername, rejectUnauthorized } = connection.tls;
    this.#http = new HttpClient({
      caPem: ca,
      clientCert: cert && key ? { certPem: cert, keyPem: key } : undefined,
      serverName: servername,
      insecureSkipVerify: rejectUnauthorized === false,
      proxy: connection.proxy,
      idleTimeoutMs: options.idleTimeoutMs,
      connectTimeoutMs: connectTimeoutMs,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http[Symbol.dispose]();
  }

  /** The parsed JSON of a 2xx answer. */
  async request<T>(request: KubeRequest, signal: AbortSignal): Promise<T> {
    const text = await this.requestText(request, signal);
    return parseAnswer<T>(request.omit ? text.replace(request.omit, "") : text, during(request));
  }

  /** A 2xx answer as it came: numbers that JavaScript cannot hold are still in it. */
  async requestText(request: KubeRequest, signal: AbortSignal): Promise<string> {
    return this.#obeyingRetryAfter(request, signal, async () => {
      const response = await this.open(request, signal);
      return this.#readText(response, request, signal);
    });
  }

  /** Sends what may answer with a large object that nobody here reads: a 2xx answer is dropped as it comes. */
  async send(request: KubeRequest, signal: AbortSignal): Promise<void> {
    await this.#obeyingRetryAfter(request, signal, async () => {
      const response = await this.open(request, signal);
      try {
        await discardBody(response.body, this.#bodyOptions(request), answerBytesMax);
      } catch (error) {
        throw connectionError(error, during(request), signal);
      }
    });
  }

  /** A 2xx answer whose body the caller reads, or an error. */
  async open(request: KubeRequest, signal: AbortSignal): Promise<HttpResponse> {
    const response = await requestSpan(request, this.#connection.server, () => this.#send(request, signal));
    const { status, headers } = response;
    if (status >= 200 && status < 300) return response;
    const text = await readText(response.body, errorBytesMax, this.#bodyOptions(request)).catch((error) => {
      throw connectionError(error, during(request), signal);
    });
    throw statusError({ status, headers }, text, during(request), this.#options.transientPattern);
  }

  async #obeyingRetryAfter<T>(
    { patienceMs = patienceMsDefault }: KubeRequest,
    signal: AbortSignal,
    attempt: () => Promise<T>,
  ): Promise<T> {
    return await retry(
      {
        pauses: Array.from({ length: retryAfterTimesMax }, () => ({ minMs: 0, maxMs: 0 })),
        patienceMs,
        retryAfterMsMax: patienceMs,
        // Only who says when to come again is asked again here.
        repeats: ({ retryAfterMs }) => retryAfterMs !== undefined && retryAfterMs <= patienceMs,
      },
      attempt,
      signal,
    );
  }

  async #send(request: KubeRequest, signal: AbortSignal): Promise<HttpResponse> {
    const json = request.json ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const authorization = await this.#connection.authorization();
    const headers: RequestHeaders = {
      accept: request.accept ?? "application/json, */*",
      "user-agent": this.#options.userAgent,
      ...(authorization === undefined ? {} : { authorization }),
      ...this.#connection.headers,
      ...(json !== undefined && { "content-type": request.contentType ?? "application/json" }),
    };
    const limitMs = this.#connection.requestTimeoutMs;
    const limited = limitMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    const { method } = request;
    const sent = {
      method,
      origin: this.#connection.server.origin,
      path: this.#basePath + request.path,
      headers,
      payload: json === undefined ? undefined : payloadOf(Buffer.from(json)),
      // A merge patch that arrives twice leaves what it leaves when it arrives once; a JSON patch may add twice.
      isRepeatable: method !== "POST" && request.contentType !== "application/json-patch+json",
      during: during(request),
    };
    try {
      return await this.#http.request(sent, limited);
    } catch (error) {
      if (limited.aborted && !signal.aborted) {
        const text = `${during(request)}: no answer within --request-timeout`;
        throw new ExecutorError("Transient", text, { cause: error });
      }
      throw connectionError(error, during(request), signal);
    }
  }

  async #readText(response: HttpResponse, request: KubeRequest, signal: AbortSignal): Promise<string> {
    let text: string;
    try {
      text = await readText(response.body, answerBytesMax + 1, this.#bodyOptions(request));
    } catch (error) {
      throw connectionError(error, during(request), signal);
    }
    if (text.length <= answerBytesMax) return text;
    throw new ExecutorError(
      "TooLarge",
      `${during(request)}: the answer is larger than ${answerBytesMax} bytes`,
    );
  }

  #bodyOptions(request: KubeRequest) {
    return { during: during(request), stallTimeoutMs: this.#options.idleTimeoutMs };
  }
}

const connectTimeoutMs = 30_000;

/** Quotes nothing of the text: it may hold a secret, or be the page of something between us and the API server. */
function parseAnswer<T>(text: string, what: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ExecutorError(
      "Internal",
      `${what}: the server's answer is not JSON (${text.length} characters)`,
    );
  }
}

/** What was asked, for error texts: never a body, never a query. */
function during(request: KubeRequest): string {
  return `${request.method} ${request.path.split("?", 1)[0]}`;
}
