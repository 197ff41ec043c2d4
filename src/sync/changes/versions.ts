import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import { asked, type ClusterWorkflows, collections, textAt, withGrant } from "../workflows/index.ts";

/** What tells of new objects: workflows, and what their pods report before the workflows have it. */
export const watchedResources = ["workflows", "workflowtaskresults"] as const;

const acceptMetadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json";

/**
 * The present resource version of each collection that tells of new objects, by its path. A cluster without task results
 * has none for them.
 */
export async function presentVersions(
  { client, namespaces }: ClusterWorkflows,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const versions: Record<string, string> = {};
  for (const resource of watchedResources) {
    for (const path of collections(resource, namespaces)) {
      try {
        versions[path] = await presentVersion(client, path, signal);
      } catch (error) {
        if (resource !== "workflows" && isExecutorError(error, "NotFound")) continue;
        throw withGrant(error, resource, namespaces, '"list" and "watch"');
      }
    }
  }
  return versions;
}

async function presentVersion(client: KubeClient, path: string, signal: AbortSignal): Promise<string> {
  const request = { method: "GET", path: `${path}?limit=1`, accept: acceptMetadata } as const;
  const answer = await asked(() => client.request<unknown>(request, signal), signal);
  const version = textAt(answer, "metadata", "resourceVersion");
  if (textAt(answer, "kind").endsWith("List") && version !== "") return version;
  throw new ExecutorError("Internal", `GET ${path}: the answer is no list with a resource version`);
}

/**
 * True where version `a` is not older than `b`. Versions are numbers since Kubernetes promises that they can be compared,
 * and were before; where they are not, nothing is said.
 */
export function isAtLeast(a: string, b: string): boolean {
  if (a === b) return true;
  const areNumbers = [a, b].every((version) => /^\d{1,40}$/.test(version));
  return areNumbers && BigInt(a) >= BigInt(b);
}

/** True where `a` is surely older than `b`. */
export function isOlder(a: string, b: string): boolean {
  return a !== b && isAtLeast(b, a);
}
