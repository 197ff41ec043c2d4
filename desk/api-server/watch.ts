import type { ServerResponse } from "node:http";
import type { ApiRequest } from "./api-path.ts";
import { apiVersionOf, type KubeObject, knownResources, qualified } from "./kube-object.ts";
import type { Change, ObjectTable } from "./object-table.ts";
import { readSelector, type Selector } from "./selectors.ts";
import { expired } from "./status.ts";

type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** One open watch: JSON lines until the client leaves, the time is up, or whoever follows the exchange ends it. */
export class WatchStream {
  readonly #request: ApiRequest;
  readonly #table: ObjectTable;
  readonly #response: ServerResponse;
  readonly #selector: Selector;
  readonly #wantsBookmarks: boolean;
  readonly #endsAfter: (eventsSent: number) => "close" | "expire" | undefined;
  #eventsSent = 0;
  #isOpen = true;

  /** Throws BadRequest for a selector that cannot be read; nothing has been sent then. */
  constructor(
    request: ApiRequest,
    table: ObjectTable,
    response: ServerResponse,
    endsAfter: (eventsSent: number) => "close" | "expire" | undefined,
  ) {
    const { query } = request;
    const byName = request.name === undefined ? undefined : `metadata.name=${request.name}`;
    this.#request = request;
    this.#table = table;
    this.#response = response;
    this.#selector = readSelector(
      query.get("labelSelector") ?? "",
      byName ?? query.get("fieldSelector") ?? "",
    );
    this.#endsAfter = endsAfter;
    this.#wantsBookmarks = query.get("allowWatchBookmarks") === "true";
  }

  /** Sends what has happened since the requested version, and from then on what happens. Resolves at the end. */
  async run(): Promise<void> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const onChange = (change: Change): void => this.#deliver(change);
    const seconds = Number(this.#request.query.get("timeoutSeconds") ?? 0);
    const timer = seconds > 0 ? setTimeout(() => this.#finish(), seconds * 1000) : undefined;
    this.#response.once("close", end);
    try {
      this.#response.writeHead(200, { "content-type": "application/json" });
      this.#response.flushHeaders();
      this.#replay();
      if (this.#isOpen) this.#table.on("change", onChange);
      await ended;
    } finally {
      this.#isOpen = false;
      clearTimeout(timer);
      this.#table.off("change", onChange);
    }
  }

  /** Tells the client the present version, if it asked for that. */
  bookmark(annotations?: Readonly<Record<string, string>>): void {
    if (!this.#wantsBookmarks) return;
    const metadata = {
      resourceVersion: String(this.#table.resourceVersion),
      creationTimestamp: null,
      ...(annotations && { annotations }),
    };
    const kind = knownResources[qualified(this.#request)]?.kind ?? "";
    this.#send("BOOKMARK", { kind, apiVersion: apiVersionOf(this.#request), metadata });
  }

  #replay(): void {
    const { query } = this.#request;
    const version = query.get("resourceVersion") ?? "";
    this.#endIfDue();
    if (!this.#isOpen) return;
    const asksForAll = query.get("sendInitialEvents") === "true";
    if (version === "" || version === "0" || asksForAll) {
      for (const object of this.#table.list(this.#request, this.#request.namespace)) {
        if (this.#selector(object)) this.#emit("ADDED", object);
      }
      if (asksForAll) this.bookmark({ "k8s.io/initial-events-end": "true" });
      return;
    }
    if (Number(version) < this.#table.oldest) {
      this.#send("ERROR", expired(Number(version), this.#table.oldest));
      this.#close();
      return;
    }
    for (const change of this.#table.changesSince(Number(version))) this.#deliver(change);
  }

  /** An object that begins or ceases to match appears as ADDED or DELETED, whatever happened to it. */
  #deliver(change: Change): void {
    const { namespace } = this.#request;
    if (change.resource !== qualified(this.#request)) return;
    if (namespace !== undefined && namespace !== change.namespace) return;
    const { before, after } = change;
    const did = before !== undefined && this.#selector(before);
    const does = after !== undefined && this.#selector(after);
    if (does) this.#emit(did ? "MODIFIED" : "ADDED", after);
    else if (did) {
      const metadata = { ...before.metadata, resourceVersion: String(change.resourceVersion) };
      this.#emit("DELETED", { ...before, metadata });
    }
  }

  #emit(type: EventType, object: KubeObject): void {
    if (!this.#isOpen) return;
    this.#send(type, object);
    this.#eventsSent += 1;
    this.#endIfDue();
  }

  #endIfDue(): void {
    const end = this.#endsAfter(this.#eventsSent);
    if (end === undefined) return;
    if (end === "expire") {
      this.#send("ERROR", expired(this.#table.resourceVersion - 1, this.#table.resourceVersion));
    }
    this.#close();
  }

  /** The time is up. */
  #finish(): void {
    this.bookmark();
    this.#close();
  }

  #send(type: EventType, object: unknown): void {
    if (this.#isOpen) this.#response.write(`${JSON.stringify({ type, object })}\n`);
  }

  #close(): void {
    this.#isOpen = false;
    this.#response.end();
  }
}
