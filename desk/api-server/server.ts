import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { AccessControl, type ApiUser, type RbacRule } from "./access.ts";
import { readBody, refuse, sendJson } from "./answers.ts";
import { type ApiRequest, readApiPath } from "./api-path.ts";
import { type Certificate, selfSignedCertificate } from "./certificate.ts";
import { discover } from "./discovery.ts";
import type { ApiExchangeObserver } from "./exchange.ts";
import type { KubeObject, ResourceName } from "./kube-object.ts";
import { type ObjectRef, ObjectTable } from "./object-table.ts";
import { perform } from "./operations.ts";
import { ApiRefusal, failure, pathNotFound } from "./status.ts";
import { WatchStream } from "./watch.ts";

export interface ApiServerOptions {
  /** Default 0: any free one. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** PEM, or `true` for a self-signed certificate (see `certificate`). */
  readonly tls?: boolean | Certificate;
  /** The bearer token of the one user; without a token and without users, everybody is let in. */
  readonly token?: string;
  /** Name of the one user. Default `system:serviceaccount:default:default`. */
  readonly user?: string;
  /** What the one user may do; everything, if left out. */
  readonly rules?: readonly RbacRule[];
  /** More users. */
  readonly users?: readonly ApiUser[];
  /** Larger bodies are refused with 413. Default 3 MiB, as in Kubernetes. */
  readonly requestBytesMax?: number;
  /** How many changes a watch can go back before it is answered 410. Default 10,000. */
  readonly changesMax?: number;
  /** How often watches that asked for them get bookmarks. Default 60 s. */
  readonly bookmarkIntervalMs?: number;
}

/** A Kubernetes API server with the semantics of the real one for any resource, in memory. */
export class ApiServer implements AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** What a client must trust, in PEM; undefined without TLS. */
  readonly certificate: string | undefined;
  readonly #listener: Server;
  readonly #table: ObjectTable;
  readonly #access: AccessControl;
  readonly #watches = new Set<WatchStream>();
  readonly #requestBytesMax: number;
  readonly #options: ApiServerOptions;
  readonly #bookmarks: NodeJS.Timeout;

  /** Starts a server of this class. Rejects if the port is taken. */
  static async start<T extends ApiServer>(this: ApiServerClass<T>, options: ApiServerOptions): Promise<T> {
    const certificate = options.tls === true ? selfSignedCertificate() : options.tls || undefined;
    let server: T | undefined;
    const onRequest: RequestListener = (message, response) => void server?.serve(message, response);
    const limits = { keepAliveTimeout: 60_000, requestTimeout: 0 };
    const listener = certificate
      ? (createTlsServer({ ...limits, ...certificate }, onRequest) as Server)
      : createServer(limits, onRequest);
    listener.listen(options.port ?? 0, options.host ?? "127.0.0.1");
    await once(listener, "listening");
    server = new this(options, listener, certificate);
    return server;
  }

  /** Use `start`. */
  constructor(options: ApiServerOptions, listener: Server, certificate: Certificate | undefined) {
    const { address, port } = listener.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.url = `${certificate ? "https" : "http"}://${address.includes(":") ? `[${address}]` : address}:${port}`;
    this.certificate = certificate?.cert;
    this.#listener = listener;
    this.#options = options;
    this.#requestBytesMax = options.requestBytesMax ?? 3 * 1024 * 1024;
    this.#table = new ObjectTable(options.changesMax ?? 10_000);
    this.#access = new AccessControl(options.users ?? []);
    if (options.token !== undefined) this.setUser({ token: options.token });
    this.#bookmarks = setInterval(() => this.sendBookmarks(), options.bookmarkIntervalMs ?? 60_000).unref();
  }

  /** Adds a user, or changes what one may do; name and rules default to those the server was started with. */
  setUser(user: {
    readonly token: string;
    readonly name?: string;
    readonly rules?: readonly RbacRule[];
  }): void {
    const name = this.#options.user ?? "system:serviceaccount:default:default";
    this.#access.set({ name, rules: this.#options.rules, ...user });
  }

  revokeToken(token: string): void {
    this.#access.revoke(token);
  }

  /** Makes an object without a request; `namespace` is empty for cluster-wide ones. */
  create(resource: ResourceName & { readonly namespace: string }, object: Partial<KubeObject>): KubeObject {
    return this.#table.create(resource, { ...object, metadata: object.metadata ?? {} });
  }

  /** The present state, or undefined. */
  find(ref: ObjectRef): KubeObject | undefined {
    return this.#table.find(ref);
  }

  /** Every distinct state that an object had, in order, also after its deletion. `resource` is the plural. */
  states(resource: string, namespace: string, name: string): readonly KubeObject[] {
    return this.#table.states(resource, namespace, name);
  }

  /** Resolves to the first state, past or future, that the test accepts. */
  async waitForState(
    ref: { readonly resource: string; readonly namespace: string; readonly name: string },
    accept: (object: KubeObject) => boolean,
    signal?: AbortSignal,
  ): Promise<KubeObject> {
    for (;;) {
      const found = this.states(ref.resource, ref.namespace, ref.name).find((state) => accept(state));
      if (found) return found;
      await once(this.#table, "change", signal ? { signal } : {});
    }
  }

  get resourceVersion(): string {
    return String(this.#table.resourceVersion);
  }

  /** Watches from any version up to now are answered 410, as after a compaction. */
  forgetChanges(): void {
    this.#table.forgetChanges();
  }

  sendBookmarks(): void {
    for (const watch of this.#watches) watch.bookmark();
  }

  /** Refuses connections from now on, and cuts those that are open. Objects stay. */
  async pause(): Promise<void> {
    if (!this.#listener.listening) return;
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.#listener.closeAllConnections();
    await closed;
  }

  /** Listens again, on the same port. */
  async resume(): Promise<void> {
    this.#listener.listen(this.port, this.host);
    await once(this.#listener, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#bookmarks);
    await this.pause();
  }

  /** Who follows an exchange; nobody, unless a class that extends this one says otherwise. */
  protected observe(
    _message: IncomingMessage,
    _response: ServerResponse,
    _url: URL,
  ): ApiExchangeObserver | undefined {
    return undefined;
  }

  /** Serves one request from start to end; never throws. */
  async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(message.url ?? "/", "http://localhost");
    const observer = this.observe(message, response, url);
    try {
      await this.#answer(message, response, url, observer);
    } catch (error) {
      if (error instanceof ApiRefusal) refuse(response, error);
      else if (message.socket.destroyed) response.destroy();
      else
        refuse(response, new ApiRefusal(failure(500, "InternalError", `Internal error occurred: ${error}`)));
      message.resume();
    } finally {
      observer?.end?.();
    }
  }

  async #answer(
    message: IncomingMessage,
    response: ServerResponse,
    url: URL,
    observer: ApiExchangeObserver | undefined,
  ): Promise<void> {
    const about = message.method === "GET" ? discover(url.pathname) : undefined;
    if (about !== undefined) {
      sendJson(response, 200, about);
      return;
    }
    const request = readApiPath(message.method ?? "GET", url);
    if (!request) throw pathNotFound();
    if (await observer?.begin?.(request)) return;
    const text = await readBody(message, this.#requestBytesMax);
    if (observer?.beforeWork?.(text)) return;
    this.#access.check(message.headers.authorization, request);
    if (request.verb === "watch") {
      await this.#watch(request, response, observer);
      return;
    }
    const type = (message.headers["content-type"] ?? "").replace(/;.*/s, "").trim();
    const reply = perform(this.#table, request, { type, text });
    if (observer?.afterWork?.()) return;
    sendJson(response, reply.status, reply.body);
  }

  async #watch(
    request: ApiRequest,
    response: ServerResponse,
    observer: ApiExchangeObserver | undefined,
  ): Promise<void> {
    const watch = new WatchStream(request, this.#table, response, (sent) => observer?.watch?.(sent));
    this.#watches.add(watch);
    try {
      await watch.run();
    } finally {
      this.#watches.delete(watch);
    }
  }
}

type ApiServerClass<T> = new (
  options: ApiServerOptions,
  listener: Server,
  certificate: Certificate | undefined,
) => T;
