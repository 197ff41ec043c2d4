import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { isDeepStrictEqual } from "node:util";
import {
  apiVersionOf,
  type KubeObject,
  knownResources,
  type ObjectMeta,
  qualified,
  type ResourceName,
} from "./kube-object.ts";
import { ApiRefusal, alreadyExists, conflict, failure, invalid, notFound } from "./status.ts";

/** One change, as watches need it: the state before and after. */
export interface Change {
  readonly resourceVersion: number;
  /** `RESOURCE.GROUP`. */
  readonly resource: string;
  readonly namespace: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

export interface ObjectRef extends ResourceName {
  readonly namespace: string;
  readonly name: string;
}

/** etcd's limit for one request, and that of the connection to it (etcd "System limits", `--max-request-bytes`). */
const etcdBytesMax = 1_572_864;
const grpcBytesMax = 2_097_152;

/** Every object, the changes of late, and every state that any object ever had. Emits `change`. */
export class ObjectTable extends EventEmitter<{ change: [Change] }> {
  readonly #objects = new Map<string, KubeObject>();
  readonly #states = new Map<string, KubeObject[]>();
  readonly #changesMax: number;
  #changes: Change[] = [];
  #resourceVersion = 1;
  /** Changes up to this version are forgotten. */
  #forgotten = 0;

  /** `changesMax`: how many changes a watch can go back. */
  constructor(changesMax: number) {
    super();
    this.setMaxListeners(0);
    this.#changesMax = changesMax;
  }

  get resourceVersion(): number {
    return this.#resourceVersion;
  }

  /** The oldest version that a watch may start from. */
  get oldest(): number {
    return this.#forgotten;
  }

  /** Forgets all changes so far, as a compaction of etcd does. */
  forgetChanges(): void {
    this.#changes = [];
    this.#forgotten = this.#resourceVersion;
  }

  changesSince(resourceVersion: number): readonly Change[] {
    return this.#changes.filter((change) => change.resourceVersion > resourceVersion);
  }

  states(resource: string, namespace: string, name: string): readonly KubeObject[] {
    const wanted = [...this.#states.keys()].find((key) => {
      const [type = "", ...place] = key.split("/");
      return (
        (type === resource || type.startsWith(`${resource}.`)) && place.join("/") === `${namespace}/${name}`
      );
    });
    return wanted === undefined ? [] : (this.#states.get(wanted) ?? []);
  }

  find(ref: ObjectRef): KubeObject | undefined {
    return this.#objects.get(keyOf(ref));
  }

  get(ref: ObjectRef): KubeObject {
    const found = this.find(ref);
    if (!found) throw notFound(ref, ref.name);
    return found;
  }

  /** Objects of a resource in the order of namespace and name; of all namespaces if none is given. */
  list(resource: ResourceName, namespace: string | undefined): KubeObject[] {
    const start = `${qualified(resource)}/${namespace === undefined ? "" : `${namespace}/`}`;
    return [...this.#objects]
      .filter(([key]) => key.startsWith(start))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  create(ref: ResourceName & { readonly namespace: string }, object: KubeObject): KubeObject {
    const generateName = object.metadata.generateName ?? "";
    const name = object.metadata.name ?? (generateName === "" ? "" : generateName + randomUUID().slice(-5));
    const kind = object.kind ?? knownResources[qualified(ref)]?.kind ?? "";
    checkName(ref, kind, name);
    checkOwners(ref, kind, name, object.metadata);
    const target = { ...ref, name };
    if (this.find(target)) throw alreadyExists(ref, name);
    const { resourceVersion: _, ...given } = object.metadata;
    return this.#store(target, undefined, {
      ...object,
      apiVersion: apiVersionOf(ref),
      kind,
      metadata: {
        ...given,
        name,
        ...(ref.namespace === "" ? {} : { namespace: ref.namespace }),
        uid: randomUUID(),
        generation: 1,
        creationTimestamp: timestamp(),
      },
    });
  }

  /**
   * Puts a new state in place of the present one. A resource version in it must be the present one; identity and times
   * stay what they were. `part` says which half of an object with a status subresource may change.
   */
  replace(ref: ObjectRef, next: KubeObject, part: "main" | "status"): KubeObject {
    const current = this.get(ref);
    const expected = next.metadata.resourceVersion;
    if (expected !== undefined && expected !== "" && expected !== current.metadata.resourceVersion) {
      throw conflict(ref, ref.name);
    }
    if (next.metadata.uid && next.metadata.uid !== current.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${current.metadata.uid}`;
      throw conflict(ref, ref.name, why);
    }
    const merged = withIdentity(current, limitToPart(ref, current, next, part));
    if (isDeepStrictEqual(merged, current)) return current;
    const isNewSpec = !isDeepStrictEqual(desired(ref, merged), desired(ref, current));
    const generation = (current.metadata.generation ?? 1) + (isNewSpec ? 1 : 0);
    const changed = { ...merged, metadata: { ...merged.metadata, generation } };
    if (changed.metadata.deletionTimestamp && !changed.metadata.finalizers?.length) {
      return this.#drop(ref, changed);
    }
    return this.#store(ref, current, changed);
  }

  /** Deletes, or marks for deletion while there are finalizers. */
  delete(ref: ObjectRef): KubeObject {
    const current = this.get(ref);
    if (!current.metadata.finalizers?.length) return this.#drop(ref, current);
    if (current.metadata.deletionTimestamp) return current;
    const metadata = { ...current.metadata, deletionTimestamp: timestamp() };
    return this.#store(ref, current, { ...current, metadata });
  }

  #store(ref: ObjectRef, before: KubeObject | undefined, next: KubeObject): KubeObject {
    const resourceVersion = this.#resourceVersion + 1;
    const metadata: ObjectMeta = { ...next.metadata, resourceVersion: String(resourceVersion) };
    const after: KubeObject = { ...next, metadata };
    checkSize(after);
    this.#resourceVersion = resourceVersion;
    const key = keyOf(ref);
    this.#objects.set(key, after);
    const states = this.#states.get(key) ?? [];
    if (!states.length) this.#states.set(key, states);
    states.push(after);
    this.#announce(ref, before, after);
    return after;
  }

  #drop(ref: ObjectRef, last: KubeObject): KubeObject {
    this.#resourceVersion += 1;
    this.#objects.delete(keyOf(ref));
    this.#announce(ref, last, undefined);
    return last;
  }

  #announce(ref: ObjectRef, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const change: Change = {
      resourceVersion: this.#resourceVersion,
      resource: qualified(ref),
      namespace: ref.namespace,
      before,
      after,
    };
    this.#changes.push(change);
    if (this.#changes.length > this.#changesMax)
      this.#forgotten = this.#changes.shift()?.resourceVersion ?? 0;
    this.emit("change", change);
  }
}

function keyOf(ref: ObjectRef): string {
  return `${qualified(ref)}/${ref.namespace}/${ref.name}`;
}

/** Kubernetes writes whole seconds. */
function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function checkName(resource: ResourceName, kind: string, name: string): void {
  const field = "metadata.name";
  if (name === "") {
    const message = "Required value: name or generateName is required";
    throw invalid(resource, kind, name, { field, reason: "FieldValueRequired", message });
  }
  const tooLong = "must be no more than 253 characters";
  const malformed =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  const why = name.length > 253 ? tooLong : namePattern.test(name) ? undefined : malformed;
  if (why !== undefined) {
    const message = `Invalid value: ${JSON.stringify(name)}: ${why}`;
    throw invalid(resource, kind, name, { field, reason: "FieldValueInvalid", message });
  }
}

/** Kubernetes looks at no more of an owner than that it is named (apimachinery, ValidateOwnerReferences). */
function checkOwners(resource: ResourceName, kind: string, name: string, metadata: ObjectMeta): void {
  for (const owner of metadata.ownerReferences ?? []) {
    for (const part of ["apiVersion", "kind", "name", "uid"] as const) {
      if (owner[part]) continue;
      const field = `metadata.ownerReferences.${part}`;
      const message = `Invalid value: "": ${part === "apiVersion" ? "version" : part} must not be empty`;
      throw invalid(resource, kind, name, { field, reason: "FieldValueInvalid", message });
    }
  }
}

function checkSize(object: KubeObject): void {
  const sizeBytes = Buffer.byteLength(JSON.stringify(object));
  if (sizeBytes > grpcBytesMax) {
    const message = `rpc error: code = ResourceExhausted desc = trying to send message larger than max (${sizeBytes} vs. ${grpcBytesMax})`;
    throw new ApiRefusal(failure(500, undefined, message));
  }
  if (sizeBytes > etcdBytesMax) {
    throw new ApiRefusal(failure(500, undefined, "etcdserver: request is too large"));
  }
}

/** What a client cannot change. */
function withIdentity(current: KubeObject, next: KubeObject): KubeObject {
  const { name, namespace, uid, creationTimestamp, generation, resourceVersion, deletionTimestamp } =
    current.metadata;
  const { deletionTimestamp: _, ...given } = next.metadata;
  const metadata = {
    ...given,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    creationTimestamp,
    generation,
    resourceVersion,
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  } as ObjectMeta;
  return { ...next, apiVersion: current.apiVersion ?? "", kind: current.kind ?? "", metadata };
}

function hasStatus(resource: ResourceName): boolean {
  return knownResources[qualified(resource)]?.hasStatus ?? false;
}

/** Through `/status` only the status changes, and elsewhere everything but the status. */
function limitToPart(
  resource: ResourceName,
  current: KubeObject,
  next: KubeObject,
  part: "main" | "status",
): KubeObject {
  if (!hasStatus(resource)) return next;
  const { status: currentStatus, ...currentMain } = current;
  const { status: nextStatus, ...nextMain } = next;
  const status = part === "status" ? nextStatus : currentStatus;
  return { ...(part === "status" ? currentMain : nextMain), ...(status === undefined ? {} : { status }) };
}

/** The part of an object whose changes count as a new generation. */
function desired(resource: ResourceName, object: KubeObject): Record<string, unknown> {
  const { metadata: _, status, ...rest } = object;
  return hasStatus(resource) || status === undefined ? rest : { ...rest, status };
}
