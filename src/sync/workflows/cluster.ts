import { ExecutorError, errorText, isExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import { textAt } from "./json.ts";
import { asked, listPages } from "./pages.ts";
import { readWorkflow } from "./read-workflow.ts";
import type { WorkflowRecord } from "./workflow.ts";

/** Workflows of a cluster; all namespaces where none is named. */
export interface ClusterWorkflows {
  readonly client: KubeClient;
  readonly namespaces: readonly string[];
}

/** A workflow may hold 1.5 MiB, and more once it is JSON. */
const pageSize = 100;
const metadataPageSize = 500;
const group = "/apis/argoproj.io/v1alpha1";

/** The paths of a resource's collections: one for all namespaces, or one for each that is named. */
export function collections(
  resource: string,
  namespaces: readonly string[],
  root = group,
): readonly string[] {
  if (namespaces.length === 0) return [`${root}/${resource}`];
  return namespaces.map((namespace) => `${root}/namespaces/${encodeURIComponent(namespace)}/${resource}`);
}

/** Every workflow of the cluster, each once. Throws where the list cannot be read to its end. */
export async function* clusterWorkflows(
  { client, namespaces }: ClusterWorkflows,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRecord> {
  const seen = new Set<string>();
  for (const path of collections("workflows", namespaces)) {
    try {
      for await (const items of listPages(client, { path, pageSize }, signal)) {
        for (const item of items) {
          const workflow = await readWorkflow(item, "cluster");
          checkIdentity(workflow, path);
          if (seen.has(workflow.uid)) continue;
          seen.add(workflow.uid);
          yield workflow;
        }
      }
    } catch (error) {
      throw withGrant(error, "workflows", namespaces);
    }
  }
}

/** Workflows that came into being since the others were listed, read whole. */
export async function* newWorkflows(
  { client, namespaces }: ClusterWorkflows,
  knownUids: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRecord> {
  for (const path of collections("workflows", namespaces)) {
    const list = { path, pageSize: metadataPageSize, isMetadataOnly: true };
    for await (const items of listPages(client, list, signal)) {
      for (const item of items) {
        if (knownUids.has(textAt(item, "metadata", "uid"))) continue;
        const workflow = await readOne(client, item, signal);
        if (workflow) yield workflow;
      }
    }
  }
}

/** Undefined where it is gone again. */
async function readOne(
  client: KubeClient,
  listed: unknown,
  signal: AbortSignal,
): Promise<WorkflowRecord | undefined> {
  const [namespace, name] = [textAt(listed, "metadata", "namespace"), textAt(listed, "metadata", "name")];
  const path = `${group}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(name)}`;
  try {
    const item = await asked(() => client.request<unknown>({ method: "GET", path }, signal), signal);
    const workflow = await readWorkflow(item, "cluster");
    checkIdentity(workflow, path);
    return workflow;
  } catch (error) {
    if (isExecutorError(error, "NotFound")) return undefined;
    throw error;
  }
}

/** A resource whose objects are wanted. */
export interface Listing {
  readonly resource: string;
  readonly isNamespaced: boolean;
  readonly root?: string;
  readonly labelSelector?: string;
}

/** Every object of a resource, in all namespaces or those of the cluster; none where it is not installed. */
export async function* listedObjects(
  { client, namespaces }: ClusterWorkflows,
  { resource, root, labelSelector, isNamespaced }: Listing,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const within = isNamespaced ? namespaces : [];
  for (const path of collections(resource, within, root)) {
    try {
      const list = { path, pageSize, ...(labelSelector ? { labelSelector } : {}) };
      for await (const items of listPages(client, list, signal)) yield* items;
    } catch (error) {
      // The definition is not installed: an Argo of namespaces has no cluster templates.
      if (isExecutorError(error, "NotFound")) continue;
      throw withGrant(error, resource, within);
    }
  }
}

function checkIdentity({ namespace, name, uid }: WorkflowRecord, path: string): void {
  if (namespace !== "" && name !== "" && uid !== "") return;
  const text = `GET ${path}: an item has no metadata.namespace, metadata.name or metadata.uid`;
  throw new ExecutorError("Internal", text);
}

/** A refusal with the grant that is missing. */
export function withGrant(
  error: unknown,
  resource: string,
  namespaces: readonly string[],
  verbs = '"list"',
): unknown {
  if (!isExecutorError(error, "Forbidden")) return error;
  const where = namespaces.length === 0 ? "a ClusterRole" : `a Role in ${namespaces.join(", ")}`;
  const text = `${errorText(error)}; grant ${verbs} on ${resource} with ${where}`;
  return new ExecutorError("Forbidden", text, { cause: error });
}
