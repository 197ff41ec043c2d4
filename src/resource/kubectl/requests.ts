import { ExecutorError } from "../../errors/index.ts";
import type { KubeClient, KubeRequest } from "../../kube/index.ts";
import { pathOf, type ResourceMapping } from "./discovery.ts";
import { isObject, type Json, type JsonObject, parseJson, writeJson } from "./json.ts";

/** Names one object on the server. */
export interface ObjectRef {
  readonly mapping: ResourceMapping;
  /** Empty for objects of the whole cluster. */
  readonly namespace: string;
  readonly name: string;
}

/** An object as the server sent it. */
export interface ServerObject {
  /** Its JSON, as it came. */
  readonly text: string;
  readonly value: JsonObject;
}

export type Query = Readonly<Record<string, string>>;
export type PatchType = Exclude<KubeRequest["contentType"], "application/json" | undefined>;

/** The path of the collection that an object is in. */
export function collectionPath(
  { group, version, resource, isNamespaced }: ResourceMapping,
  namespace?: string,
): string {
  const place = isNamespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${pathOf(group, version)}${place}/${resource}`;
}

export function objectPath(ref: ObjectRef, subresource = ""): string {
  const below = subresource === "" ? "" : `/${encodeURIComponent(subresource)}`;
  return `${collectionPath(ref.mapping, ref.namespace)}/${encodeURIComponent(ref.name)}${below}`;
}

/** Reads and changes single objects, with whole numbers of any size. Throws what KubeClient does. */
export class Objects {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  get(ref: ObjectRef, subresource?: string): Promise<ServerObject> {
    return this.#send({ method: "GET", path: objectPath(ref, subresource) });
  }

  list(
    { mapping, namespace }: { mapping: ResourceMapping; namespace?: string | undefined },
    query: Query,
  ): Promise<ServerObject> {
    return this.#send({ method: "GET", path: withQuery(collectionPath(mapping, namespace), query) });
  }

  create(ref: ObjectRef, object: JsonObject, query: Query): Promise<ServerObject> {
    const path = withQuery(collectionPath(ref.mapping, ref.namespace), query);
    return this.#send({ method: "POST", path, json: writeJson(object) });
  }

  replace(ref: ObjectRef, object: JsonObject, query: Query, subresource?: string): Promise<ServerObject> {
    const path = withQuery(objectPath(ref, subresource), query);
    return this.#send({ method: "PUT", path, json: writeJson(object) });
  }

  patch(
    ref: ObjectRef,
    patch: { readonly type: PatchType; readonly json: string; readonly subresource?: string | undefined },
    query: Query,
  ): Promise<ServerObject> {
    const path = withQuery(objectPath(ref, patch.subresource), query);
    return this.#send({ method: "PATCH", path, json: patch.json, contentType: patch.type });
  }

  delete(ref: ObjectRef, options: JsonObject): Promise<ServerObject> {
    return this.#send({ method: "DELETE", path: objectPath(ref), json: writeJson(options) });
  }

  async #send(request: KubeRequest): Promise<ServerObject> {
    const text = await this.#client.requestText({ ...request, accept: "application/json" }, this.#signal);
    return serverObject(text, `${request.method} ${request.path.split("?", 1)[0]}`);
  }
}

/** Throws Internal where the server sent no JSON object; the text, which may be a proxy's page, is not shown. */
export function serverObject(text: string, what: string): ServerObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    value = undefined;
  }
  if (isObject(value as Json)) return { text, value: value as JsonObject };
  throw new ExecutorError(
    "Internal",
    `${what}: the server's answer is not a JSON object (${text.length} characters)`,
  );
}

function withQuery(path: string, query: Query): string {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return text === "" ? path : `${path}?${text}`;
}
