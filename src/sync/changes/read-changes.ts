import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import { type KubeClient, watchChanges } from "../../kube/index.ts";
import { TaskGroup } from "../../limits/index.ts";
import {
  asked,
  type ClusterWorkflows,
  collectedKeys,
  hydratedWorkflow,
  memberAt,
  type NamedArtifact,
  namedByOutputs,
  readWorkflow,
  textAt,
  type WorkflowRecord,
  withGrant,
} from "../workflows/index.ts";
import type { Cursor } from "./cursor.ts";
import { isAtLeast, isOlder, presentVersions } from "./versions.ts";

/** What a pod has reported of its outputs. */
export interface ReportedOutputs {
  /** `namespace/name` of the workflow. */
  readonly workflow: string;
  readonly artifacts: readonly NamedArtifact[];
}

/** What has happened behind a cursor. */
export interface Changes {
  /** Workflows that were made, changed or deleted, each as it was last. */
  readonly workflows: readonly WorkflowRecord[];
  readonly results: readonly ReportedOutputs[];
  /** Keys that tasks of artifact GC are about to delete. */
  readonly collected: readonly string[];
  /** Where the next run goes on. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Why the changes cannot be known, in words for the report. */
export type Unknown = { readonly unknownBecause: string };

export interface ChangeSources {
  readonly cluster: ClusterWorkflows;
  /** The Argo server, which knows nodes that the controller has offloaded; undefined: it is not asked. */
  readonly archive: KubeClient | undefined;
}

/** The API server ends the watch after this long; a bookmark that all has been told comes before that. */
const watchSeconds = 5;
/** More than this, and listing the objects is cheaper. */
const artifactsMax = 200_000;
const workflowLabel = "workflows.argoproj.io/workflow";

/**
 * What has changed in the cluster since the cursor was taken, up to now. Unknown where the API server has forgotten
 * what happened since (410), or never was where the cursor is from: it answers for minutes, not for days.
 */
export async function readChanges(
  { cluster, archive }: ChangeSources,
  cursor: Cursor,
  signal: AbortSignal,
): Promise<Changes | Unknown> {
  const present = await presentVersions(cluster, signal);
  const paths = Object.keys(present);
  const strange = paths.find((path) => cursor.versions[path] === undefined);
  if (strange !== undefined) return { unknownBecause: `the cursor knows nothing of ${strange}` };
  if (paths.some((path) => isOlder(present[path] ?? "", cursor.versions[path] ?? ""))) {
    return { unknownBecause: "the cluster is younger than the cursor: it is another one, or was restored" };
  }
  const found = new FoundChanges(archive);
  const reached = { ...cursor.versions };
  const group = new TaskGroup(paths.length, signal);
  try {
    for (const path of paths) {
      const course = { path, upTo: present[path] ?? "", reached };
      await group.start(async (own) => {
        const take = path.endsWith("/workflows")
          ? (object: unknown) => found.addWorkflow(object, own)
          : (object: unknown) => found.addResult(object);
        await follow(cluster.client, course, take, own);
      });
    }
    await group.settle();
  } catch (error) {
    await group.cancel(error);
    if (isExecutorError(error, "Conflict"))
      return { unknownBecause: "the API server does not remember what has happened since the cursor" };
    if (isExecutorError(error, "TooLarge")) return { unknownBecause: error.message };
    throw withGrant(error, "workflows and workflowtaskresults", cluster.namespaces, '"watch"');
  }
  const collected: string[] = [];
  for await (const key of collectedKeys(cluster, signal)) collected.push(key);
  return { ...found.all, collected, versions: reached };
}

interface Course {
  readonly path: string;
  /** What was there when the command began. */
  readonly upTo: string;
  /** How far each collection has been read. */
  readonly reached: Record<string, string>;
}

/** Reads a collection's changes up to what was there when the command began; a watch that breaks is gone on with. */
async function follow(
  client: KubeClient,
  { path, upTo, reached }: Course,
  take: (object: unknown) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await asked(async () => {
    const startedMs = performance.now();
    const request = { path, resourceVersion: reached[path] ?? "", seconds: watchSeconds };
    for await (const { type, object } of watchChanges(client, request, signal)) {
      if (type !== "BOOKMARK") await take(object);
      reached[path] = textAt(object, "metadata", "resourceVersion") || (reached[path] ?? "");
      if (isAtLeast(reached[path] ?? "", upTo)) return;
    }
    // The cluster counts changes of all resources: nothing new here is told by silence to the end.
    if (performance.now() - startedMs >= watchSeconds * 900) return;
    throw new ExecutorError("Transient", `watch ${path}: it was cut off before it was over`);
  }, signal);
}

/** Collects what a watch tells; of a workflow that changes often, its last state. */
class FoundChanges {
  readonly #archive: KubeClient | undefined;
  readonly #workflows = new Map<string, WorkflowRecord>();
  readonly #results = new Map<string, ReportedOutputs>();
  #artifacts = 0;

  constructor(archive: KubeClient | undefined) {
    this.#archive = archive;
  }

  get all(): Pick<Changes, "workflows" | "results"> {
    return { workflows: [...this.#workflows.values()], results: [...this.#results.values()] };
  }

  async addWorkflow(object: unknown, signal: AbortSignal): Promise<void> {
    const read = await readWorkflow(object, "cluster");
    if (read.uid === "") throw nameless("workflow");
    const asksServer = read.unknownBecause !== undefined && this.#archive !== undefined;
    const whole = asksServer ? await hydratedWorkflow(this.#archive, read, signal) : undefined;
    const workflow = whole ?? read;
    this.#count(workflow.artifacts.length - (this.#workflows.get(workflow.uid)?.artifacts.length ?? 0));
    this.#workflows.set(workflow.uid, workflow);
  }

  addResult(object: unknown): void {
    const artifacts = namedByOutputs(memberAt(object, "outputs"));
    const name = textAt(object, "metadata", "labels", workflowLabel);
    const uid = textAt(object, "metadata", "uid");
    if (uid === "") throw nameless("task result");
    this.#count(artifacts.length - (this.#results.get(uid)?.artifacts.length ?? 0));
    this.#results.set(uid, { workflow: `${textAt(object, "metadata", "namespace")}/${name}`, artifacts });
  }

  #count(artifacts: number): void {
    this.#artifacts += artifacts;
    if (this.#artifacts <= artifactsMax) return;
    throw new ExecutorError("TooLarge", `more than ${artifactsMax} artifacts have changed since the cursor`);
  }
}

function nameless(what: string): ExecutorError {
  return new ExecutorError("Internal", `the API server tells of a ${what} without a uid`);
}
