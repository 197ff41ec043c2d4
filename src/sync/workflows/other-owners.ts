import { type ClusterWorkflows, listedObjects } from "./cluster.ts";
import { memberAt, objectAt, textAt } from "./json.ts";
import { namedByOutputs, namedBySpec } from "./read-workflow.ts";
import type { NamedArtifact, UnresolvedKey } from "./workflow.ts";

/** Something besides workflows that names artifacts. */
export interface OtherOwner {
  readonly kind: "template" | "cache" | "gc-task";
  /** `workflowtemplates/argo/build`, for reports. */
  readonly title: string;
  readonly artifacts: readonly NamedArtifact[];
  readonly unresolvedKeys: readonly UnresolvedKey[];
}

/** Where manifests of workflows stand that have not run yet, and below which fields their specs are. */
const templateKinds = [
  { resource: "workflowtemplates", spec: ["spec"], isNamespaced: true },
  { resource: "cronworkflows", spec: ["spec", "workflowSpec"], isNamespaced: true },
  { resource: "clusterworkflowtemplates", spec: ["spec"], isNamespaced: false },
] as const;
const cacheSelector = "workflows.argoproj.io/configmap-type=Cache";

/**
 * What else in a cluster names artifacts: the inputs of templates that wait to be run, outputs that memoization caches
 * hand to later workflows, and what tasks of artifact GC are about to delete. Throws where one of the lists cannot be
 * read.
 */
export async function* otherOwners(
  cluster: ClusterWorkflows,
  signal: AbortSignal,
): AsyncGenerator<OtherOwner> {
  for (const { resource, spec, isNamespaced } of templateKinds) {
    for await (const item of listedObjects(cluster, { resource, isNamespaced }, signal)) {
      yield { kind: "template", title: title(resource, item), ...namedBySpec(memberAt(item, ...spec)) };
    }
  }
  const caches = {
    resource: "configmaps",
    root: "/api/v1",
    labelSelector: cacheSelector,
    isNamespaced: true,
  };
  for await (const item of listedObjects(cluster, caches, signal)) {
    const artifacts = Object.values(objectAt(item, "data")).flatMap((entry) =>
      namedByOutputs(outputsOf(entry)),
    );
    yield { kind: "cache", title: title("configmaps", item), artifacts, unresolvedKeys: [] };
  }
  yield* gcTasks(cluster, signal);
}

/** The keys that tasks of artifact GC are about to delete. */
export async function* collectedKeys(cluster: ClusterWorkflows, signal: AbortSignal): AsyncGenerator<string> {
  for await (const { artifacts } of gcTasks(cluster, signal)) for (const { key } of artifacts) yield key;
}

async function* gcTasks(cluster: ClusterWorkflows, signal: AbortSignal): AsyncGenerator<OtherOwner> {
  const listing = { resource: "workflowartifactgctasks", isNamespaced: true };
  for await (const item of listedObjects(cluster, listing, signal)) {
    const nodes = Object.values(objectAt(item, "spec", "artifactsByNode"));
    const artifacts = nodes.flatMap((node) =>
      namedByOutputs({ artifacts: Object.values(objectAt(node, "artifacts")) }),
    );
    yield { kind: "gc-task", title: title("workflowartifactgctasks", item), artifacts, unresolvedKeys: [] };
  }
}

function title(resource: string, item: unknown): string {
  return [resource, textAt(item, "metadata", "namespace"), textAt(item, "metadata", "name")]
    .filter((part) => part !== "")
    .join("/");
}

function outputsOf(entry: unknown): unknown {
  try {
    return typeof entry === "string" ? memberAt(JSON.parse(entry), "outputs") : undefined;
  } catch {
    // The controller cannot use such an entry either.
    return undefined;
  }
}
