import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import type { KubeClient } from "./client.ts";
import { type WatchEvent, watchEvents } from "./watch.ts";

/** A WorkflowTaskSet as far as the agent reads it (docs/contract/roles.md#1.1, #7.1). */
export interface TaskSetState {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly isCompleted: boolean;
  /** Node id -> template. */
  readonly tasks: Readonly<Record<string, unknown>>;
  /** Node id -> phase, of what was reported and is still there. */
  readonly phases: ReadonlyMap<string, string>;
}

interface TaskSetObject {
  readonly metadata?: {
    readonly uid?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly tasks?: Readonly<Record<string, unknown>> | null } | null;
  readonly status?: { readonly nodes?: Readonly<Record<string, { readonly phase?: string } | null>> } | null;
}

interface TaskSetList {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly items?: readonly TaskSetObject[];
}

const completedLabel = "workflows.argoproj.io/completed";

/**
 * The task set of one workflow. Lists, watches and patches its status: a role may not grant more
 * (docs/contract/roles.md#7.3).
 */
export class TaskSet {
  readonly #client: KubeClient;
  readonly #name: string;
  readonly #path: string;

  constructor(client: KubeClient, name: string) {
    this.#client = client;
    this.#name = name;
    this.#path = `/apis/argoproj.io/v1alpha1/namespaces/${encodeURIComponent(client.namespace)}/workflowtasksets`;
  }

  /** The present state, undefined where there is none, and the version from which to watch. */
  async read(signal: AbortSignal): Promise<{ state: TaskSetState | undefined; resourceVersion: string }> {
    const query = new URLSearchParams({ fieldSelector: this.#selector });
    const list = await this.#explain("list", () =>
      this.#client.request<TaskSetList>({ method: "GET", path: `${this.#path}?${query}` }, signal),
    );
    const [item] = list.items ?? [];
    return {
      state: item && stateOf(item),
      resourceVersion: list.metadata?.resourceVersion ?? "0",
    };
  }

  /** Changes since the version; ends when the server ends it, throws Conflict when the version is too old. */
  async *watch(resourceVersion: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const request = { path: this.#path, fieldSelector: this.#selector, resourceVersion };
    try {
      yield* watchEvents(this.#client, request, signal);
    } catch (error) {
      throw withGrant(error, "watch", "workflowtasksets");
    }
  }

  /** Merges results into `status.nodes`. @param nodesJson a JSON object: node id -> result */
  async patchNodes(nodesJson: string, signal: AbortSignal): Promise<void> {
    const request = {
      method: "PATCH",
      path: `${this.#path}/${encodeURIComponent(this.#name)}/status`,
      contentType: "application/merge-patch+json",
      accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json",
      json: `{"status":{"nodes":${nodesJson}}}`,
    } as const;
    await this.#explain("patch", () => this.#client.send(request, signal), "workflowtasksets/status");
  }

  get #selector(): string {
    return `metadata.name=${this.#name}`;
  }

  async #explain<T>(verb: string, call: () => Promise<T>, resource = "workflowtasksets"): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw withGrant(error, verb, resource);
    }
  }
}

export function isCompleted(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels?.[completedLabel] === "true";
}

function stateOf({ metadata, spec, status }: TaskSetObject): TaskSetState {
  const phases = Object.entries(status?.nodes ?? {}).map(([id, node]) => [id, node?.phase ?? ""] as const);
  return {
    uid: metadata?.uid,
    generation: metadata?.generation,
    isCompleted: isCompleted(metadata?.labels),
    tasks: spec?.tasks ?? {},
    phases: new Map(phases),
  };
}

function withGrant(error: unknown, verb: string, resource: string): unknown {
  if (!isExecutorError(error, "Forbidden")) return error;
  const text = `${errorText(error)}; grant the workflow's service account "${verb}" on ${resource} in apiGroup argoproj.io`;
  return new ExecutorError("Forbidden", text, { cause: error });
}
