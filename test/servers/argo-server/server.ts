import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A Workflow as JSON. */
export interface ArchivedObject {
  readonly metadata: { readonly uid: string; readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

export interface ArgoServerOptions {
  /** The bearer token that is asked for; undefined: everybody is let in. */
  readonly token?: string;
  /** Newest first. */
  readonly workflows?: readonly ArchivedObject[];
}

/** One request, as the log keeps it. */
export interface ArgoRequest {
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * The archive of an Argo server: `GET /api/v1/archived-workflows`, newest first, in pages by offset, without nodes, and
 * `GET /api/v1/archived-workflows/{uid}`; besides, `GET /api/v1/workflows/{namespace}/{name}`. Errors are those of its gRPC gateway.
 */
export class ArgoServer implements AsyncDisposable {
  readonly url: string;
  readonly requests: ArgoRequest[] = [];
  /** In the order of the archive; a test may change it between two requests. */
  readonly workflows: ArchivedObject[];
  /** Live workflows, with the nodes that a controller has offloaded. */
  readonly live: ArchivedObject[] = [];
  /** Runs before each list is answered. */
  onList: ((server: ArgoServer) => void) | undefined;
  readonly #listener: Server;
  readonly #token: string | undefined;
  /** What the next lists are answered with. */
  readonly #brokenLists: string[] = [];

  constructor(listener: Server, { token, workflows = [] }: ArgoServerOptions) {
    this.#listener = listener;
    this.#token = token;
    this.workflows = [...workflows];
    this.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    listener.on("request", (message, response) => this.#serve(message, response));
  }

  /** The next list is answered with this text, and 200. */
  breakNextList(body: string): void {
    this.#brokenLists.push(body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.#listener.closeAllConnections();
    await closed;
  }

  #serve(message: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(message.url ?? "/", "http://localhost");
    this.requests.push({ path: url.pathname, query: url.searchParams });
    if (this.#token !== undefined && message.headers.authorization !== `Bearer ${this.#token}`) {
      return refuse(response, 401, 16, "token not valid");
    }
    const [, namespace, name] = /^\/api\/v1\/workflows\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (name !== undefined) {
      const live = this.live.find(
        ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
      );
      return live ? send(response, 200, live) : refuse(response, 404, 5, "not found");
    }
    const [, uid] = /^\/api\/v1\/archived-workflows(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (!url.pathname.startsWith("/api/v1/archived-workflows") || message.method !== "GET") {
      return refuse(response, 404, 5, "Not Found");
    }
    if (uid === undefined) return this.#list(url.searchParams, response);
    const found = this.workflows.find(({ metadata }) => metadata.uid === decodeURIComponent(uid));
    return found ? send(response, 200, found) : refuse(response, 404, 5, "not found");
  }

  #list(query: URLSearchParams, response: ServerResponse): unknown {
    this.onList?.(this);
    const broken = this.#brokenLists.shift();
    if (broken !== undefined) {
      return response.writeHead(200, { "content-type": "application/json" }).end(broken);
    }
    const offset = Number(query.get("listOptions.continue") || 0);
    if (!Number.isInteger(offset)) return refuse(response, 400, 3, "listOptions.continue must be int");
    const limit = Number(query.get("listOptions.limit") ?? 0);
    const namespace = query.get("namespace");
    const all = this.workflows.filter(({ metadata }) => !namespace || metadata.namespace === namespace);
    const page = limit > 0 ? all.slice(offset, offset + limit) : all.slice(offset);
    const hasMore = limit > 0 && all.length > offset + limit;
    const items = page.map(withoutNodes);
    return send(response, 200, {
      metadata: hasMore ? { continue: String(offset + limit) } : {},
      items: items.length > 0 ? items : null,
    });
  }
}

/** Starts an Argo server on a free port. */
export async function startArgoServer(options: ArgoServerOptions = {}): Promise<ArgoServer> {
  const listener = createServer({ keepAliveTimeout: 60_000 });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return new ArgoServer(listener, options);
}

/** What the archive's list selects: no spec, and of the status what tables show. */
function withoutNodes({ metadata, status }: ArchivedObject): object {
  const { phase, startedAt, finishedAt } = (status ?? {}) as Record<string, unknown>;
  return { metadata, spec: {}, status: { phase, startedAt, finishedAt } };
}

function refuse(response: ServerResponse, status: number, code: number, message: string) {
  return send(response, status, { code, message });
}

function send(response: ServerResponse, status: number, body: unknown) {
  return response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
