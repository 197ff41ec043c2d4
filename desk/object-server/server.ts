import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { openBody } from "./body.ts";
import type { ExchangeObserver } from "./exchange.ts";
import { ObjectStore } from "./object-store.ts";
import { Refusal } from "./refusal.ts";
import { headerText, readTarget, type Target } from "./request.ts";
import { perform } from "./routes.ts";
import { type Credentials, type PayloadProtection, verifySignature } from "./signature.ts";
import { transmit } from "./transmission.ts";

export interface ObjectServerOptions extends Credentials {
  /** Where everything is kept; made if it is missing. A server started on it again serves the same objects. */
  readonly directory: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default us-east-1. */
  readonly region?: string;
  /** PEM; the server speaks https then. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** `BUCKET.DOMAIN` in the Host header is virtual-hosted style. Default `localhost` and `s3.localhost`. */
  readonly domains?: readonly string[];
  /** How much the server's clock is ahead. Default 0. */
  readonly clockOffsetMs?: number;
  /** Smallest part but the last. Default 5 MiB, as in S3. */
  readonly partBytesMin?: number;
  /** What becomes of `x-amz-checksum-*` headers; there are stores of each kind. Default: verified and kept. */
  readonly checksums?: "verified" | "ignored" | "refused";
}

/** Requests get one answer: nothing else in the process is touched by a failure of this server. */
export class ObjectServer implements AsyncDisposable {
  readonly url: string;
  /** `HOST:PORT`. */
  readonly endpoint: string;
  readonly port: number;
  clockOffsetMs: number;
  readonly #options: ObjectServerOptions;
  readonly #listener: ReturnType<typeof createServer>;
  readonly #store: ObjectStore;
  readonly #serving = new Set<Promise<void>>();
  #credentials: Credentials;
  #closed: Promise<void> | undefined;

  /**
   * Starts a server of this class on a folder. Every request must be signed (SigV4) with the given keys. Rejects if the
   * port is taken or the folder cannot be written.
   */
  static async start<T extends ObjectServer>(
    this: ObjectServerClass<T>,
    options: ObjectServerOptions,
  ): Promise<T> {
    const store = new ObjectStore(options.directory);
    let server: T | undefined;
    const onRequest: RequestListener = (message, response) => server?.accept(message, response);
    const limits = { keepAliveTimeout: 60_000, requestTimeout: 0, highWaterMark: 256 * 1024 };
    const listener = options.tls
      ? (createTlsServer({ ...limits, ...options.tls }, onRequest) as ReturnType<typeof createServer>)
      : createServer(limits, onRequest);
    listener.listen(options.port ?? 0, options.host ?? "127.0.0.1");
    await once(listener, "listening");
    server = new this(options, { listener, store });
    return server;
  }

  /** Use `start`. */
  constructor(options: ObjectServerOptions, parts: ServerParts) {
    const { address, port } = parts.listener.address() as AddressInfo;
    this.port = port;
    this.endpoint = `${address.includes(":") ? `[${address}]` : address}:${port}`;
    this.url = `${options.tls ? "https" : "http"}://${this.endpoint}`;
    this.clockOffsetMs = options.clockOffsetMs ?? 0;
    this.#options = options;
    this.#credentials = options;
    this.#listener = parts.listener;
    this.#store = parts.store;
  }

  /** From now on only these are accepted, as after a rotation. */
  replaceCredentials(credentials: Credentials): void {
    this.#credentials = credentials;
  }

  /** Makes a bucket without a request; nothing happens if it is there. */
  createBucket(name: string): void {
    if (!this.#store.buckets.has(name)) this.#store.createBucket(name, this.#nowMs());
  }

  /** Ends every connection and the listener; resolves when no request touches the files any more. The files stay. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.#listener.closeAllConnections();
    await closed;
    await Promise.all(this.#serving);
    this.#store[Symbol.dispose]();
  }

  /** Takes one request from the listener. */
  accept(message: IncomingMessage, response: ServerResponse): void {
    const served = this.#serve(message, response).finally(() => this.#serving.delete(served));
    this.#serving.add(served);
  }

  /** Who follows an exchange; nobody, unless a class that extends this one says otherwise. */
  protected observe(_message: IncomingMessage, _response: ServerResponse): ExchangeObserver | undefined {
    return undefined;
  }

  /** Serves one request from start to end; never throws. */
  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const observer = this.observe(message, response);
    response.setHeader("server", "Outrider");
    response.setHeader("date", new Date(this.#nowMs()).toUTCString());
    response.setHeader("x-amz-request-id", randomUUID());
    try {
      const target = readTarget(message, this.#options.domains ?? ["s3.localhost", "localhost"]);
      if (await observer?.begin?.(target)) return;
      await this.#answer(message, response, target, observer);
    } catch (error) {
      await this.#refuse(message, response, error, observer);
    } finally {
      observer?.end?.();
    }
  }

  async #answer(
    message: IncomingMessage,
    response: ServerResponse,
    target: Target,
    observer: ExchangeObserver | undefined,
  ): Promise<void> {
    const protection = this.#authenticate(message, target);
    const decoded = headerText(message.headers, "x-amz-decoded-content-length");
    // The message must outlive a body that is given up, since the answer goes over the same socket.
    const bytes = message.iterator({ destroyOnReturn: false });
    const raw = observer?.request?.(bytes) ?? bytes;
    const body = openBody(raw, protection, decoded === undefined ? undefined : Number(decoded));
    const reply = await perform({
      ...target,
      method: message.method ?? "GET",
      headers: this.#understood(message.headers),
      body,
      store: this.#store,
      nowMs: this.#nowMs(),
      region: this.#region(),
      partBytesMin: this.#options.partBytesMin ?? 5 * 1024 * 1024,
    });
    // Operations without a body leave it unread; an observer is shown all of it.
    if (observer?.request) for await (const _ of raw);
    await transmit(response, reply, this.#store, observer);
  }

  #understood(headers: IncomingHttpHeaders): IncomingHttpHeaders {
    const { checksums = "verified" } = this.#options;
    if (checksums === "verified") return headers;
    const [rest, unknown] = withoutChecksums(headers);
    if (checksums === "refused" && unknown[0] !== undefined) {
      throw new Refusal(
        400,
        "InvalidArgument",
        `Unsupported header '${unknown[0]}' received for this API call.`,
      );
    }
    return rest;
  }

  #authenticate(message: IncomingMessage, { rawPath, query }: Target): PayloadProtection {
    return verifySignature(
      { message, rawPath, query },
      { credentials: this.#credentials, region: this.#region(), nowMs: this.#nowMs() },
    );
  }

  async #refuse(
    message: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    observer: ExchangeObserver | undefined,
  ): Promise<void> {
    if (response.headersSent || message.socket.destroyed) {
      response.destroy();
      return;
    }
    const text = error instanceof Error ? error.message : String(error);
    const refusal = error instanceof Refusal ? error : new Refusal(500, "InternalError", text);
    message.resume();
    const body = refusal.toXml((message.url ?? "").replace(/\?.*/s, ""), "local");
    try {
      await transmit(response, { status: refusal.status, body }, this.#store, observer);
    } catch {
      // The client has gone; there is nobody to tell.
      response.destroy();
    }
  }

  #nowMs(): number {
    return Date.now() + this.clockOffsetMs;
  }

  #region(): string {
    return this.#options.region ?? "us-east-1";
  }
}

function withoutChecksums(
  headers: IncomingHttpHeaders,
): [rest: IncomingHttpHeaders, names: readonly string[]] {
  const names = Object.keys(headers).filter((name) => name.startsWith("x-amz-checksum-"));
  const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
  return [rest, names];
}

interface ServerParts {
  readonly listener: ReturnType<typeof createServer>;
  readonly store: ObjectStore;
}

type ObjectServerClass<T> = new (options: ObjectServerOptions, parts: ServerParts) => T;
