import { errorText, isExecutorError } from "../../errors/index.ts";
import { joinKey } from "../../template/index.ts";
import {
  asked,
  type ClusterWorkflows,
  clusterWorkflows,
  listAt,
  listedObjects,
  memberAt,
  objectAt,
  textAt,
  type WorkflowRecord,
  workflowTitle,
} from "../workflows/index.ts";
import { allCollected, type DueArtifact, dueArtifacts } from "./due-artifacts.ts";

/** Where artifacts lie, as far as the repair needs it. */
export interface GcStore {
  /** True for locations of this very repository. */
  holds(artifact: DueArtifact, workflow: WorkflowRecord): boolean;
  /** Whom the artifact belongs to besides: its title, or undefined. */
  otherOwnerOf(key: string, workflow: WorkflowRecord): string | undefined;
  /** Deletes files and directories under the keys, as artifact GC does; one outcome a key, undefined for done. */
  delete(keys: readonly string[], signal: AbortSignal): Promise<readonly (Error | undefined)[]>;
}

export interface RepairJob {
  readonly cluster: ClusterWorkflows;
  readonly store: GcStore;
  /** A workflow that ended, or is being deleted, for less than this is the controller's still. */
  readonly olderThanMs: number;
  /** False: nothing is deleted. */
  readonly deletes: boolean;
  /** Notes what is deleted in the workflow's status, as the controller would. */
  readonly patchesStatus: boolean;
  /** Takes the finalizer out where nothing is left to be collected. */
  readonly removesFinalizer: boolean;
  readonly maxDelete: number;
}

export interface RepairResult {
  readonly workflow: string;
  /** How many artifacts artifact GC has left. */
  readonly due: number;
  readonly deleted: number;
  /** Why others are still there, or why nothing was done. */
  readonly problems: readonly string[];
  readonly isPatched: boolean;
  readonly isReleased: boolean;
  readonly isPassing: boolean;
}

const gcFinalizer = "workflows.argoproj.io/artifact-gc";
const gcPodSelector = "workflows.argoproj.io/component=artifact-gc";
const workflowLabel = "workflows.argoproj.io/workflow";

/**
 * Goes through workflows that artifact GC holds (`workflows.argoproj.io/artifact-gc`) and finishes what it has left
 * undone: a strategy that was begun once is never tried again by the controller. Workflows whose GC pods are under way
 * are left alone.
 */
export async function* repairGc(job: RepairJob, signal: AbortSignal): AsyncGenerator<RepairResult> {
  const busy = await busyWorkflows(job.cluster, signal);
  let left = job.maxDelete;
  for await (const workflow of clusterWorkflows(job.cluster, signal)) {
    if (!workflow.hasGcFinalizer || !isOldEnough(workflow, job.olderThanMs)) continue;
    const due = dueArtifacts(workflow);
    const isOver = due.length > 0 || (job.removesFinalizer && allCollected(workflow, new Set()));
    if (!isOver) continue;
    const title = workflowTitle(workflow);
    const base = { workflow: title, due: due.length, deleted: 0, isPatched: false, isReleased: false };
    if (busy.has(title)) {
      yield { ...base, problems: ["a pod of artifact GC is under way"], isPassing: true };
      continue;
    }
    if (due.length > left) {
      const why = `${due.length} artifacts are more than what --max-delete leaves (${left})`;
      yield { ...base, problems: [why], isPassing: false };
      continue;
    }
    const result = await repairWorkflow(job, workflow, due, signal);
    left -= result.deleted;
    yield { ...base, ...result };
  }
}

async function repairWorkflow(
  job: RepairJob,
  workflow: WorkflowRecord,
  due: readonly DueArtifact[],
  signal: AbortSignal,
): Promise<Omit<RepairResult, "workflow" | "due">> {
  const problems: string[] = [];
  const mine: DueArtifact[] = [];
  for (const artifact of due) {
    const other = job.store.otherOwnerOf(artifact.key, workflow);
    if (!job.store.holds(artifact, workflow)) problems.push(`${artifact.key} lies in another store`);
    else if (other !== undefined) problems.push(`${artifact.key} is used by ${other}`);
    else if (!isPlain(artifact.key))
      problems.push(`${artifact.key}: stores do not agree on what such a key means`);
    else mine.push(artifact);
  }
  const nothing = { deleted: 0, isPatched: false, isReleased: false, isPassing: false };
  if (!job.deletes) return { ...nothing, problems };
  const outcomes = await job.store.delete(
    mine.map(({ key }) => key),
    signal,
  );
  const done = mine.filter((_, index) => outcomes[index] === undefined);
  let isPassing = false;
  for (const [index, { key }] of mine.entries()) {
    const error = outcomes[index];
    if (error === undefined) continue;
    isPassing ||= isExecutorError(error, "Transient");
    problems.push(`${key}: ${errorText(error)}`);
  }
  const names = new Set(done.map(({ nodeId, name }) => `${nodeId} ${name}`));
  const releases = job.removesFinalizer && allCollected(workflow, names);
  let isPatched = false;
  if (job.patchesStatus || releases) {
    try {
      isPatched = await patchWorkflow(job, workflow, { done, releases }, signal);
    } catch (error) {
      signal.throwIfAborted();
      isPassing ||= isExecutorError(error, "Transient", "Conflict");
      problems.push(`the workflow could not be patched: ${errorText(error)}`);
    }
  }
  return { deleted: done.length, problems, isPatched, isReleased: isPatched && releases, isPassing };
}

/** False for keys that some drivers clean before they use them: what they have stored lies somewhere else. */
function isPlain(key: string): boolean {
  return joinKey(key) === key.replace(/\/$/, "") && !key.startsWith("/");
}

interface Change {
  readonly done: readonly DueArtifact[];
  readonly releases: boolean;
}

/** One JSON patch that tests all it relies on: the workflow, the names of the artifacts, the finalizer's place. */
async function patchWorkflow(
  { cluster: { client }, patchesStatus }: RepairJob,
  { namespace, name, uid }: WorkflowRecord,
  { done, releases }: Change,
  signal: AbortSignal,
): Promise<boolean> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(name)}`;
  const now = await asked(() => client.request<unknown>({ method: "GET", path }, signal), signal);
  const operations: object[] = [{ op: "test", path: "/metadata/uid", value: uid }];
  if (patchesStatus) operations.push(...done.flatMap((artifact) => deletedMark(now, artifact)));
  const at = listAt(now, "metadata", "finalizers").indexOf(gcFinalizer);
  if (releases && at >= 0) {
    const finalizer = `/metadata/finalizers/${at}`;
    operations.push({ op: "test", path: finalizer, value: gcFinalizer }, { op: "remove", path: finalizer });
  }
  if (operations.length === 1) return false;
  const contentType = "application/json-patch+json" as const;
  await asked(() => client.send({ method: "PATCH", path, body: operations, contentType }, signal), signal);
  return true;
}

/** Nothing where the node is not in the status as it stands, because it is compressed. */
function deletedMark(workflow: unknown, { nodeId, name }: DueArtifact): readonly object[] {
  const artifacts = listAt(objectAt(workflow, "status", "nodes", nodeId), "outputs", "artifacts");
  const index = artifacts.findIndex((artifact) => textAt(artifact, "name") === name);
  if (index < 0) return [];
  const path = `/status/nodes/${nodeId.replaceAll("~", "~0").replaceAll("/", "~1")}/outputs/artifacts/${index}`;
  return [
    { op: "test", path: `${path}/name`, value: name },
    { op: "add", path: `${path}/deleted`, value: true },
  ];
}

/** Workflows whose GC pods have not ended. */
async function busyWorkflows(cluster: ClusterWorkflows, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const busy = new Set<string>();
  const listing = { resource: "pods", root: "/api/v1", labelSelector: gcPodSelector, isNamespaced: true };
  for await (const pod of listedObjects(cluster, listing, signal)) {
    if (["Succeeded", "Failed"].includes(textAt(pod, "status", "phase"))) continue;
    const workflow = memberAt(objectAt(pod, "metadata", "labels"), workflowLabel);
    busy.add(`${textAt(pod, "metadata", "namespace")}/${String(workflow)}`);
  }
  return busy;
}

function isOldEnough({ finishedMs, createdMs }: WorkflowRecord, olderThanMs: number): boolean {
  const endMs = finishedMs ?? createdMs;
  return endMs !== undefined && Date.now() - endMs >= olderThanMs;
}
