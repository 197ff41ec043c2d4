import type { Agent, IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError } from "../errors/index.ts";
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
  /** Instead of the client's: a watch may be silent for longer than an answer may take. */
  readonly idleTimeoutMs?: number;
  /** For how long altogether Retry-After is obeyed here, default 60 s; 0: the caller has a policy of its own. */
  readonly patienceMs?: number;
}

export interface KubeClientOptions {
  readonly userAgent: string;
  /** A connection on which nothing comes for so long is given up. */
  readonly idleTimeoutMs: number;
  /** `TRANSIENT_ERROR_PATTERN`. */
  readonly transientPattern: RegExp | undefined;
}

/** Answers larger than this are refused; no object in etcd is larger than 1.5 MiB, a list may be. */
const answerBytesMax = 64 * 1024 * 1024;
const retryAfterTimesMax = 10;
const patienceMsDefault = 60_000;

/**
 * Sends single requests to the API server over one kept connection. Errors are ExecutorErrors whose code follows
 * contract pod.md 6.4. An answer with Retry-After is waited for and repeated up to ten times (6.1), as client-go does,
 * but never for longer than the request's patience: a server that asks for an hour is an error now.
 *
 * It is made of node:https alone: the generated client of @kubernetes/client-node takes more CPU to load than a pod
 * without artifacts takes in all.
 */
export class KubeClient implements AsyncDisposable {
  readonly namespace: string;
  readonly #connection: KubeConnection;
  readonly #options: KubeClientOptions;
  readonly #http: typeof import("node:http");
  readonly #agent: Agent;

  constructor(connection: KubeConnection, options: KubeClientOptions) {
    this.namespace = connection.namespace;
    this.#connection = connection;
    this.#options = options;
    this.#http = httpModule(connection.server.protocol);
    this.#agent = new this.#http.Agent({ keepAlive: true, ...definedFields(connection.tls) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
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
      return readBody(response, during(request), signal);
    });
  }

  /** Sends what may answer with a large object that nobody here reads: a 2xx answer is dropped as it comes. */
  async send(request: KubeRequest, signal: AbortSignal): Promise<void> {
    await this.#obeyingRetryAfter(request, signal, async () => {
      const response = await this.open(request, signal);
      response.resume();
      try {
        await finished(response, { signal });
      } catch (error) {
        throw connectionError(error, during(request), signal);
      }
    });
  }

  async #obeyingRetryAfter<T>(
    { patienceMs = patienceMsDefault }: KubeRequest,
    signal: AbortSignal,
    attempt: () => Promise<T>,
  ): Promise<T> {
    const end = performance.now() + patienceMs;
    for (let repeats = 0; ; repeats++) {
      try {
        return await attempt();
      } catch (error) {
        const waitMs = error instanceof ExecutorError ? error.retryAfterMs : undefined;
        if (waitMs === undefined || repeats >= retryAfterTimesMax) throw error;
        if (performance.now() + waitMs > end) throw error;
        await sleep(waitMs, undefined, { signal });
      }
    }
  }

  /** A 2xx answer whose body the caller reads, or an error. */
  async open(request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await requestSpan(request, this.#connection.server, () => this.#send(request, signal));
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const body = await readBody(response, during(request), signal);
    throw statusError(status, response.headers, body, during(request), this.#options.transientPattern);
  }

  async #send(request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const authorization = await this.#connection.authorization();
    const json = request.json ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const payload = json === undefined ? undefined : Buffer.from(json);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = this.#http.request(new URL(request.path, this.#connection.server), {
      method: request.method,
      agent: this.#agent,
      signal,
      timeout: request.idleTimeoutMs ?? this.#options.idleTimeoutMs,
      headers: {
        accept: request.accept ?? "application/json, */*",
        "user-agent": this.#options.userAgent,
        ...(authorization === undefined ? {} : { authorization }),
        ...(payload && {
          "content-type": request.contentType ?? "application/json",
          "content-length": payload.length,
        }),
      },
    });
    sent.on("response", resolve);
    sent.on("error", (error) => reject(connectionError(error, during(request), signal)));
    sent.on("timeout", () => sent.destroy(new Error("i/o timeout: nothing came from the API server")));
    sent.end(payload);
    return promise;
  }
}

/** TLS takes 20 ms of CPU to load: only a role that speaks to the API server, and only over https, pays for it. */
function httpModule(protocol: string): typeof import("node:http") {
  if (protocol === "http:") return process.getBuiltinModule("node:http");
  return process.getBuiltinModule("node:https") as unknown as typeof import("node:http");
}

async function readBody(response: IncomingMessage, what: string, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > answerBytesMax) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw connectionError(error, what, signal);
  }
  if (size > answerBytesMax) {
    throw new ExecutorError("TooLarge", `${what}: the answer is larger than ${answerBytesMax} bytes`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

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

function definedFields<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
