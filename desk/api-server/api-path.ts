import type { ResourceName } from "./kube-object.ts";

/** The verbs of RBAC. */
export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** What a request asks for, in the words of RBAC. */
export interface ApiRequest extends ResourceName {
  readonly verb: Verb;
  /** Undefined for the whole cluster. */
  readonly namespace: string | undefined;
  /** Undefined for a collection. */
  readonly name: string | undefined;
  /** Empty, or `status`. */
  readonly subresource: string;
  readonly query: URLSearchParams;
}

/**
 * Reads `/api/v1/...` and `/apis/GROUP/VERSION/...`, with or without `namespaces/NAMESPACE`. Undefined for any other path
 * and for methods that have no meaning there.
 */
export function readApiPath(method: string, url: URL): ApiRequest | undefined {
  const elements = url.pathname.split("/").slice(1).map(decode);
  const isCore = elements[0] === "api" && elements[1] === "v1";
  if (!isCore && elements[0] !== "apis") return undefined;
  const group = isCore ? "" : (elements[1] ?? "");
  const version = isCore ? "v1" : (elements[2] ?? "");
  const rest = elements.slice(isCore ? 2 : 3);
  // `/api/v1/namespaces/x` is the object x; one element more, and it is the place of others.
  const isPlaced = rest[0] === "namespaces" && rest.length > 2 && rest[2] !== "status";
  const namespace = isPlaced ? rest[1] : undefined;
  const [resource = "", name, subresource = "", ...more] = isPlaced ? rest.slice(2) : rest;
  if (resource === "" || more.length > 0) return undefined;
  const verb = readVerb(method, name !== undefined, url.searchParams);
  if (!verb) return undefined;
  return { group, version, resource, namespace, name, subresource, verb, query: url.searchParams };
}

function decode(element: string): string {
  try {
    return decodeURIComponent(element);
  } catch {
    // Not valid UTF-8: such a name exists nowhere, and the text as it stands says which it was.
    return element;
  }
}

function readVerb(method: string, hasName: boolean, query: URLSearchParams): Verb | undefined {
  if (method === "GET" && ["true", "1"].includes(query.get("watch") ?? "")) return "watch";
  if (method === "GET") return hasName ? "get" : "list";
  if (method === "POST" && !hasName) return "create";
  if (method === "DELETE") return hasName ? "delete" : "deletecollection";
  if (method === "PUT" && hasName) return "update";
  if (method === "PATCH" && hasName) return "patch";
  return undefined;
}
