import { isExecutorError } from "../errors/index.ts";
import type { Artifact, ArtifactLocation } from "../template/index.ts";
import type { KubeClient } from "./client.ts";
import { type Persistence, persist } from "./persistence.ts";

/** A WorkflowArtifactGCTask, as far as the executor reads it (docs/contract/roles.md#4.4). */
export interface GcTask {
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly artifactsByNode?: Readonly<Record<string, GcNode>>;
  };
}

export interface GcNode {
  readonly archiveLocation?: ArtifactLocation;
  readonly artifacts?: Readonly<Record<string, Artifact>>;
}

/** Either deleted or gone, or why not. */
export interface GcResult {
  readonly name: string;
  readonly success?: true;
  readonly error?: string;
}

/** Results by node, then by artifact. */
export type GcResults = Readonly<Record<string, Readonly<Record<string, GcResult>>>>;

/** Tasks a page: an object may hold 1.5 MiB, the job has 64 MiB for everything, and work begins with the first. */
const pageSize = 1;
/**
 * Who owns which field is half of a task, and nothing to us. All values in there are objects, so that the first text,
 * `manager` in the order in which the API server writes the members, comes behind it.
 */
const fieldOwners = /"fieldsType":"FieldsV1","fieldsV1":\{.*?\},(?="manager":")/gs;
/** Changes are answered with the whole object, megabytes of it, unless a table without its rows' objects is asked for. */
const tableOfNothing = {
  query: "includeObject=None",
  accept: "application/json;as=Table;g=meta.k8s.io;v=v1, application/json",
};

/** The task objects of one artifact GC job. */
export class GcTasks {
  readonly #client: KubeClient;
  readonly #persistence: Persistence;

  constructor(client: KubeClient, persistence: Persistence) {
    this.#client = client;
    this.#persistence = persistence;
  }

  /**
   * Yields the tasks that carry the job's label, each read when it is asked for. Where that takes so long that the API
   * server has forgotten the listing, it is begun anew.
   */
  async *list(podLabel: string, signal: AbortSignal): AsyncGenerator<GcTask> {
    const seen = new Set<string>();
    let next: string | undefined;
    do {
      const page: GcTaskList = await this.#page(podLabel, next, signal);
      for (const task of page.items) {
        if (seen.has(task.metadata.name)) continue;
        seen.add(task.metadata.name);
        yield task;
      }
      next = page.metadata?.continue || undefined;
    } while (next);
  }

  /** Adds results to the status of a task; a merge patch leaves those that are there. */
  async report(task: string, results: GcResults, signal: AbortSignal): Promise<void> {
    const artifactResultsByNode = Object.fromEntries(
      Object.entries(results).map(([node, artifactResults]) => [node, { artifactResults }]),
    );
    await persist(this.#persistence, signal, () =>
      this.#client.send(
        {
          method: "PATCH",
          path: `${this.#path()}/${encodeURIComponent(task)}/status?${tableOfNothing.query}`,
          accept: tableOfNothing.accept,
          body: { status: { artifactResultsByNode } },
          contentType: "application/merge-patch+json",
          patienceMs: 0,
        },
        signal,
      ),
    );
  }

  async #page(podLabel: string, next: string | undefined, signal: AbortSignal): Promise<GcTaskList> {
    let page: GcTaskList = { items: [] };
    await persist(this.#persistence, signal, async () => {
      try {
        page = await this.#request(podLabel, next, signal);
      } catch (error) {
        if (next === undefined || !isExecutorError(error, "Conflict")) throw error;
        page = await this.#request(podLabel, undefined, signal);
      }
    });
    return page;
  }

  async #request(podLabel: string, next: string | undefined, signal: AbortSignal): Promise<GcTaskList> {
    const query = new URLSearchParams({
      labelSelector: `workflows.argoproj.io/artifact-gc-pod=${podLabel}`,
      limit: String(pageSize),
      ...(next ? { continue: next } : {}),
    });
    const path = `${this.#path()}?${query}`;
    return await this.#client.request<GcTaskList>({ method: "GET", path, omit: fieldOwners }, signal);
  }

  #path(): string {
    const namespace = encodeURIComponent(this.#client.namespace);
    return `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflowartifactgctasks`;
  }
}

interface GcTaskList {
  readonly metadata?: { readonly continue?: string };
  readonly items: readonly GcTask[];
}
