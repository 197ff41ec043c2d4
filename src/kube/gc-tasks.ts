import type { Artifact, ArtifactLocation } from "../template/index.ts";
import type { KubeClient } from "./client.ts";
import { type Persistence, persist } from "./persistence.ts";

/** A WorkflowArtifactGCTask, as far as the executor reads it (contract roles.md 4.4). */
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

/** Tasks in memory at once: an object may hold 1.5 MiB, and the job has 64 MiB for everything. */
const pageSize = 4;

/** The task objects of one artifact GC job. */
export class GcTasks {
  readonly #client: KubeClient;
  readonly #persistence: Persistence;

  constructor(client: KubeClient, persistence: Persistence) {
    this.#client = client;
    this.#persistence = persistence;
  }

  /** Yields the tasks that carry the job's label, page by page. */
  async *list(podLabel: string, signal: AbortSignal): AsyncGenerator<readonly GcTask[]> {
    let next: string | undefined;
    do {
      const query = new URLSearchParams({
        labelSelector: `workflows.argoproj.io/artifact-gc-pod=${podLabel}`,
        limit: String(pageSize),
        ...(next ? { continue: next } : {}),
      });
      const page = await this.#page(query, signal);
      yield page.items;
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
          path: `${this.#path()}/${encodeURIComponent(task)}/status`,
          body: { status: { artifactResultsByNode } },
          contentType: "application/merge-patch+json",
          patienceMs: 0,
        },
        signal,
      ),
    );
  }

  async #page(query: URLSearchParams, signal: AbortSignal): Promise<GcTaskList> {
    let page: GcTaskList = { items: [] };
    await persist(this.#persistence, signal, async () => {
      page = await this.#client.request<GcTaskList>(
        { method: "GET", path: `${this.#path()}?${query}`, patienceMs: 0 },
        signal,
      );
    });
    return page;
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
