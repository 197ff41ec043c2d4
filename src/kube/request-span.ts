import type { HttpResponse } from "../http/index.ts";
import { span } from "../tracing/index.ts";

/** A request to the API server as a span, named and described as the reference's (docs/contract/roles.md#6.3). */
export function requestSpan(
  request: { readonly method: string; readonly path: string },
  server: URL,
  work: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const { method } = request;
  const attributes = () => {
    const [path = "", query = ""] = request.path.split("?", 2);
    const { kind, isNamed } = resourceOf(path);
    return {
      "http.request.method": method,
      "server.address": server.hostname,
      "url.path": path,
      "k8s.verb": verbOf(method, isNamed, query),
      "k8s.kind": kind,
    };
  };
  return span(
    `HTTP ${method}`,
    attributes,
    async (own) => {
      const response = await work();
      own.set({ "http.response.status_code": response.status });
      return response;
    },
    { isClient: true },
  );
}

/** `/api/v1/namespaces/NS/pods/NAME/exec` is of kind `pods/exec`. */
function resourceOf(path: string): { readonly kind: string; readonly isNamed: boolean } {
  const elements = path.split("/").filter((element) => element !== "");
  const own = elements.slice(elements[0] === "apis" ? 3 : 2);
  const [kind = "", name, subresource] = own[0] === "namespaces" && own.length > 2 ? own.slice(2) : own;
  return { kind: subresource === undefined ? kind : `${kind}/${subresource}`, isNamed: name !== undefined };
}

function verbOf(method: string, isNamed: boolean, query: string): string {
  switch (method) {
    case "GET":
      if (new URLSearchParams(query).has("watch")) return "Watch";
      return isNamed ? "Get" : "List";
    case "POST":
      return "Create";
    case "PUT":
      return "Update";
    case "PATCH":
      return "Patch";
    default:
      return isNamed ? "Delete" : "DeleteCollection";
  }
}
