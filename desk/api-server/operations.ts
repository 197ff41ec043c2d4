import type { ApiRequest } from "./api-path.ts";
import { apiVersionOf, type KubeObject, knownResources, type ObjectMeta, qualified } from "./kube-object.ts";
import type { ObjectRef, ObjectTable } from "./object-table.ts";
import { jsonPatch, mergePatch, PatchError } from "./patches.ts";
import { readSelector } from "./selectors.ts";
import { ApiRefusal, badRequest, failure, pathNotFound, type Status } from "./status.ts";

/** A body of a request, read whole. */
export interface RequestContent {
  readonly type: string;
  readonly text: string;
}

export interface ApiReply {
  readonly status: number;
  readonly body: unknown;
}

/** Does what a request asks for, watches excepted. Throws an ApiRefusal. */
export function perform(table: ObjectTable, request: ApiRequest, content: RequestContent): ApiReply {
  if (request.subresource !== "" && request.subresource !== "status") throw pathNotFound();
  const part = request.subresource === "status" ? "status" : "main";
  if (request.verb === "list") return { status: 200, body: list(table, request) };
  if (request.verb === "create") return { status: 201, body: create(table, request, content) };
  if (request.verb === "deletecollection") return { status: 200, body: deleteAll(table, request) };
  const ref: ObjectRef = { ...request, namespace: request.namespace ?? "", name: request.name ?? "" };
  switch (request.verb) {
    case "get":
      return { status: 200, body: table.get(ref) };
    case "update":
      return { status: 200, body: table.replace(ref, readObject(request, content), part) };
    case "patch":
      return { status: 200, body: table.replace(ref, patched(table.get(ref), request, content), part) };
    case "delete":
      return { status: 200, body: deleteOne(table, ref, content) };
    default:
      throw pathNotFound();
  }
}

function create(table: ObjectTable, request: ApiRequest, content: RequestContent): KubeObject {
  const isNamespaced = knownResources[qualified(request)]?.isNamespaced;
  if (isNamespaced === true && request.namespace === undefined) throw methodNotAllowed();
  const object = readObject(request, content);
  return table.create({ ...request, namespace: request.namespace ?? "" }, object);
}

function list(table: ObjectTable, request: ApiRequest): KubeObject {
  const { query } = request;
  const limit = Number(query.get("limit") ?? 0);
  const start = readContinue(query.get("continue"), table);
  const selector = readSelector(query.get("labelSelector") ?? "", query.get("fieldSelector") ?? "");
  const objects = table.list(request, request.namespace).filter(selector);
  const rest = start === undefined ? objects : objects.filter((object) => placeOf(object) > start.after);
  const items = limit > 0 ? rest.slice(0, limit) : rest;
  const last = items.at(-1);
  const resourceVersion = start?.resourceVersion ?? table.resourceVersion;
  const hasMore = last !== undefined && items.length < rest.length;
  const metadata = {
    resourceVersion: String(resourceVersion),
    ...(hasMore && {
      continue: writeContinue({ resourceVersion, after: placeOf(last) }),
      remainingItemCount: rest.length - items.length,
    }),
  };
  const kind = knownResources[qualified(request)]?.kind ?? objects[0]?.kind ?? "Object";
  return { apiVersion: apiVersionOf(request), kind: `${kind}List`, metadata, items };
}

interface Continue {
  readonly resourceVersion: number;
  readonly after: string;
}

function placeOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name ?? ""}`;
}

function writeContinue(position: Continue): string {
  return Buffer.from(JSON.stringify(position)).toString("base64url");
}

function readContinue(token: string | null, table: ObjectTable): Continue | undefined {
  if (!token) return undefined;
  let position: Continue;
  try {
    position = JSON.parse(Buffer.from(token, "base64url").toString()) as Continue;
  } catch {
    throw badRequest("continue key is not valid");
  }
  if (position.resourceVersion >= table.oldest) return position;
  const message =
    "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.";
  throw new ApiRefusal(failure(410, "Expired", message));
}

function deleteOne(table: ObjectTable, ref: ObjectRef, content: RequestContent): Status | KubeObject {
  const current = table.get(ref);
  const options = content.text === "" ? {} : parseJson(content.text);
  const { uid, resourceVersion } = (options as { preconditions?: ObjectMeta }).preconditions ?? {};
  if (uid !== undefined || resourceVersion !== undefined) {
    const metadata = { ...current.metadata, uid, resourceVersion } as ObjectMeta;
    // The same checks as for a change; equal content makes no new version.
    table.replace(ref, { ...current, metadata }, "main");
  }
  const last = table.delete(ref);
  if (last.metadata.deletionTimestamp) return last;
  const { group, resource: kind, name } = ref;
  const details = { name, ...(group === "" ? {} : { group }), kind, uid: current.metadata.uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

function deleteAll(table: ObjectTable, request: ApiRequest): KubeObject {
  const listed = list(table, request);
  for (const { metadata } of listed.items as KubeObject[]) {
    table.delete({ ...request, namespace: metadata.namespace ?? "", name: metadata.name ?? "" });
  }
  return listed;
}

function readObject(request: ApiRequest, { type, text }: RequestContent): KubeObject {
  if (type !== "" && type !== "application/json") throw unsupportedType(["application/json"]);
  const value = parseJson(text) as Partial<KubeObject> | null;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest("the object provided is unrecognized (must be of type Object)");
  }
  const object: KubeObject = { ...value, metadata: value.metadata ?? {} };
  if (object.apiVersion !== undefined && object.apiVersion !== apiVersionOf(request)) {
    const message = `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersionOf(request)})`;
    throw badRequest(message);
  }
  const { namespace, name } = object.metadata;
  if (namespace && namespace !== (request.namespace ?? "")) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (request.name !== undefined && name !== request.name) {
    throw badRequest(
      `the name of the object (${name ?? ""}) does not match the name on the URL (${request.name})`,
    );
  }
  return object;
}

const jsonPatchType = "application/json-patch+json";
const mergePatchType = "application/merge-patch+json";
/** Known to the built-in resources only; lists are replaced here, where Kubernetes merges some of them by key. */
const strategicPatchType = "application/strategic-merge-patch+json";

function patched(current: KubeObject, request: ApiRequest, { type, text }: RequestContent): KubeObject {
  const accepted = [
    jsonPatchType,
    mergePatchType,
    ...(request.group.includes(".") ? [] : [strategicPatchType]),
  ];
  if (!accepted.includes(type)) throw unsupportedType(accepted);
  const patch = parseJson(text);
  // The present version is no precondition; one that the patch names is.
  const { resourceVersion: _, ...metadata } = current.metadata;
  const target = { ...current, metadata };
  if (type !== jsonPatchType) return mergePatch(target, patch) as KubeObject;
  try {
    return jsonPatch(target, patch) as KubeObject;
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    const message = "the server rejected our request due to an error in our request";
    throw new ApiRefusal(failure(422, "Invalid", message, {}));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`error decoding request body: ${why}`);
  }
}

function unsupportedType(accepted: readonly string[]): ApiRefusal {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return new ApiRefusal(failure(415, "UnsupportedMediaType", message));
}

function methodNotAllowed(): ApiRefusal {
  const message = "the server does not allow this method on the requested resource";
  return new ApiRefusal(failure(405, "MethodNotAllowed", message, {}));
}
