import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import type { Outputs } from "../template/index.ts";
import { span } from "../tracing/index.ts";
import type { KubeClient } from "./client.ts";
import { type Persistence, persist } from "./persistence.ts";

/** Who this pod is to the controller (docs/contract/pod.md#2.1). */
export interface NodeIdentity {
  /** Name of the task result. */
  readonly nodeId: string;
  readonly podName: string;
  readonly workflowName: string;
  /** Empty under controllers 3.5.0 and 3.5.1, which do not tell it. */
  readonly workflowUid: string;
  readonly podUid: string;
  readonly instanceId: string | undefined;
  /**
   * The controller is of Argo 3.5: where task results are forbidden it reads the pod's annotations instead. Later
   * ones do not, so that an error has to stay an error.
   */
  readonly readsPodAnnotations: boolean;
}

/** What a request changes of the object. */
interface Change {
  readonly content: object;
  /** Where nothing more will come. */
  readonly completed?: "true";
}

/** What later steps have to know about the object; it survives that the process is replaced. */
export type TaskResultState = "unknown" | "exists" | "forbidden";

export const objectBytesMax = 1_500_000;

/**
 * What was granted a moment ago is refused now: roles are being changed, or a cache is behind. Without the label the
 * controller would wait, so it is asked again, for some 15 s.
 */
const refusalsMax = 4;

const completedLabel = "workflows.argoproj.io/report-outputs-completed";
const annotation = { outputs: "workflows.argoproj.io/outputs", progress: "workflows.argoproj.io/progress" };

/**
 * The WorkflowTaskResult of one node (docs/contract/pod.md#6.2). Every step creates or patches as the object's state
 * asks, and repeats transient errors for as long as `persistence` says.
 */
export class TaskResult {
  state: TaskResultState;
  readonly #client: KubeClient;
  readonly #identity: NodeIdentity;

  constructor(client: KubeClient, identity: NodeIdentity, state: TaskResultState = "unknown") {
    this.#client = client;
    this.#identity = identity;
    this.state = state;
  }

  /** Makes the object, with the label that tells the controller to wait for outputs. */
  async initialize(persistence: Persistence, signal: AbortSignal): Promise<void> {
    await this.#upsert({ content: {} }, { [completedLabel]: "false" }, persistence, signal);
  }

  async reportProgress(progress: string, persistence: Persistence, signal: AbortSignal): Promise<void> {
    await this.#upsert({ content: { progress } }, { [annotation.progress]: progress }, persistence, signal);
  }

  /** Throws TooLarge, before anything is sent, where the object could not be stored. */
  async reportOutputs(outputs: Outputs, persistence: Persistence, signal: AbortSignal): Promise<void> {
    const annotations = { [annotation.outputs]: outputsText(outputs) };
    await this.#upsert({ content: { outputs } }, annotations, persistence, signal);
  }

  /** `reportOutputs` and `finalize` in one request, which the controller sees as one. Where it fails, neither was done. */
  async complete(outputs: Outputs, persistence: Persistence, signal: AbortSignal): Promise<void> {
    const annotations = { [annotation.outputs]: outputsText(outputs), [completedLabel]: "true" };
    await this.#upsert({ content: { outputs }, completed: "true" }, annotations, persistence, signal);
  }

  /**
   * Tells the controller that nothing more will come; until then it waits. A task result that was deleted meanwhile
   * is made again with the label set, for the controller may still look.
   */
  async finalize(persistence: Persistence, signal: AbortSignal): Promise<void> {
    const labels = { [completedLabel]: "true" };
    let refusals = 0;
    await persist(persistence, signal, async () => {
      try {
        await this.#patch({ metadata: { labels } }, signal);
      } catch (error) {
        if (isExecutorError(error, "NotFound") && this.state === "exists")
          await this.#create({ content: {}, completed: "true" }, signal);
        else if (isExecutorError(error, "Forbidden") && this.state === "exists" && refusals++ < refusalsMax)
          throw new ExecutorError("Transient", errorText(error), { cause: error });
        else if (!(await this.#annotate({ [completedLabel]: "true" }, error, signal))) throw error;
      }
    });
  }

  async #upsert(
    change: Change,
    annotations: Record<string, string>,
    persistence: Persistence,
    signal: AbortSignal,
  ): Promise<void> {
    await persist(persistence, signal, async () => {
      try {
        await this.#upsertOnce(change, signal);
        this.state = "exists";
      } catch (error) {
        if (isExecutorError(error, "Forbidden")) this.state = "forbidden";
        if (!(await this.#annotate(annotations, error, signal))) throw error;
      }
    });
  }

  async #upsertOnce(change: Change, signal: AbortSignal): Promise<void> {
    const { content, completed } = change;
    if (this.state === "exists") {
      const metadata = completed ? { labels: { [completedLabel]: completed } } : {};
      try {
        return await this.#patch({ metadata, ...content }, signal);
      } catch (error) {
        if (!isExecutorError(error, "NotFound")) throw error;
        return await this.#create(change, signal);
      }
    }
    try {
      await this.#create(change, signal);
    } catch (error) {
      // Forbidden: a role that grants only patch is enough where the object is there already.
      if (!isExecutorError(error, "Conflict", "Forbidden")) throw error;
      await this.#patchExisting(change, error, signal);
    }
  }

  /** A pod of the same node ran before: its label says "completed", which must not count for this run. */
  async #patchExisting(
    { content, completed }: Change,
    createError: ExecutorError,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#patch(
        { metadata: { labels: { [completedLabel]: completed ?? "false" } }, ...content },
        signal,
      );
    } catch (error) {
      const isUnhelpful = isExecutorError(error, "NotFound", "Forbidden") && createError.code === "Forbidden";
      // Deleted between the two requests: the conflict is repeated, and creates it.
      throw isUnhelpful || isExecutorError(error, "NotFound") ? createError : error;
    }
  }

  async #create({ content, completed }: Change, signal: AbortSignal): Promise<void> {
    const { nodeId, workflowName, instanceId } = this.#identity;
    await this.#send(
      "POST",
      this.#path(),
      {
        kind: "WorkflowTaskResult",
        apiVersion: "argoproj.io/v1alpha1",
        metadata: {
          name: nodeId,
          labels: {
            "workflows.argoproj.io/workflow": workflowName,
            [completedLabel]: completed ?? "false",
            ...(instanceId ? { "workflows.argoproj.io/controller-instanceid": instanceId } : {}),
          },
          ownerReferences: owners(this.#identity),
        },
        ...content,
      },
      signal,
    );
  }

  async #patch(body: object, signal: AbortSignal): Promise<void> {
    await this.#send("PATCH", `${this.#path()}/${encodeURIComponent(this.#identity.nodeId)}`, body, signal);
  }

  async #send(method: "POST" | "PATCH", path: string, body: object, signal: AbortSignal): Promise<void> {
    const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    try {
      await span(spanName(method, body), {}, () =>
        this.#client.send({ method, path, body, contentType, patienceMs: 0 }, signal),
      );
    } catch (error) {
      if (!isExecutorError(error, "Forbidden")) throw error;
      const verb = method === "POST" ? "create" : "patch";
      throw new ExecutorError(
        "Forbidden",
        `${errorText(error)}; grant the pod's service account "create" and "patch" on workflowtaskresults.argoproj.io ` +
          `("${verb}" was refused; see https://argo-workflows.readthedocs.io/en/latest/workflow-rbac/)`,
        { cause: error },
      );
    }
  }

  /** The way of Argo 3.5 (docs/contract/pod.md#8). Returns whether the controller will find the annotations. */
  async #annotate(
    annotations: Record<string, string>,
    error: unknown,
    signal: AbortSignal,
  ): Promise<boolean> {
    const isCalledFor = isExecutorError(error, "Forbidden", "NotFound") && this.#identity.readsPodAnnotations;
    if (!isCalledFor) return false;
    const pod = encodeURIComponent(this.#identity.podName);
    const path = `/api/v1/namespaces/${encodeURIComponent(this.#client.namespace)}/pods/${pod}`;
    try {
      await this.#client.send(
        {
          method: "PATCH",
          path,
          body: { metadata: { annotations } },
          contentType: "application/merge-patch+json",
          patienceMs: 0,
        },
        signal,
      );
      return true;
    } catch (refused) {
      if (isExecutorError(refused, "Forbidden", "NotFound")) return false;
      throw refused;
    }
  }

  #path(): string {
    const namespace = encodeURIComponent(this.#client.namespace);
    return `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflowtaskresults`;
  }
}

/** Throws TooLarge, before anything is sent, where the object could not be stored. */
function outputsText(outputs: Outputs): string {
  const text = JSON.stringify(outputs);
  const bytes = Buffer.byteLength(text);
  if (bytes <= objectBytesMax) return text;
  throw new ExecutorError(
    "TooLarge",
    `the outputs are ${bytes} bytes as JSON; a task result can hold ${objectBytesMax}: pass large values as artifacts`,
  );
}

/**
 * What the object goes away with: the workflow, or this pod where the controller does not tell the workflow's UID
 * (docs/contract/pod.md#8). The API server refuses an owner without a UID, so that without either there is none.
 */
function owners({ workflowName, workflowUid, podName, podUid }: NodeIdentity): readonly object[] {
  if (workflowUid !== "") {
    return [{ apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: workflowName, uid: workflowUid }];
  }
  return podUid === "" ? [] : [{ apiVersion: "v1", kind: "Pod", name: podName, uid: podUid }];
}

/** As the reference calls them (docs/contract/roles.md#6.3): the last word changes nothing but a label. */
function spanName(method: "POST" | "PATCH", body: object): string {
  if (method === "POST") return "createTaskResult";
  const isLabelOnly = Object.keys(body).join() === "metadata";
  return isLabelOnly ? "patchTaskResultLabels" : "patchTaskResult";
}
