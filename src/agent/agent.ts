import { errorText } from "../errors/index.ts";
import type { ProxySettings } from "../http/index.ts";
import { followTaskSet, objectBytesMax, type TaskSet, type TaskSetState } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import { HttpExecutor, serverOf } from "./http-executor.ts";
import { Journal } from "./journal.ts";
import { Permits } from "./permits.ts";
import { type PluginAddress, Plugins } from "./plugins.ts";
import { Reporter } from "./reporter.ts";
import { isRecord, isTerminal, type NodeResult, type Outcome, resultJson, type Task } from "./task.ts";
import { TaskQueue } from "./task-queue.ts";

export interface AgentConfig {
  readonly workflowName: string;
  readonly workflowUid: string;
  readonly namespace: string;
  readonly plugins: readonly PluginAddress[];
  /** `ARGO_AGENT_TASK_WORKERS`: tasks in flight for one server. */
  readonly workers: number;
  readonly patchRateMs: number;
  /** For HTTP templates without timeoutSeconds; 0: none. */
  readonly httpTimeoutMs: number;
  /** A file on the volume that outlives the container. */
  readonly journalPath: string;
  readonly proxy: ProxySettings;
  readonly userAgent: string;
}

export interface AgentTools {
  readonly taskSet: TaskSet;
  readonly log: Logger;
  readonly readRoots: () => string | undefined;
  readonly readSecret: (name: string, key: string, signal: AbortSignal) => Promise<string>;
}

/** In flight in all: what fits in the 256 MB of an agent's container. */
const inFlightMax = 1_000;
/** Longest body of an answer that becomes a result: a task set can hold 1.5 MiB in all. */
const bodyBytesMax = 1_000_000;
/** Bodies above 16 KiB in memory at the same time. */
const largeBodiesMax = 16;
/** Results that wait for the API server; beyond that no new task begins, and larger bodies wait to be read. */
const unreportedBytesMax = 16 * 1024 * 1024;
/** Ids of nodes that have left the task set; a late echo of one must not run it again. */
const departedMax = 20_000;
/** How long results may take to be delivered once we were told to go, of the 30 s that the pod has. */
const flushMs = 20_000;

/**
 * Serves the HTTP and plugin templates of one workflow (contract roles.md 1.5 to 1.11) until its task set is deleted or
 * completed, or until `stop`: then what is answered is reported, and what is in flight is given up.
 */
export async function agent(config: AgentConfig, tools: AgentTools, stop: AbortSignal): Promise<void> {
  using desk = new Desk(config, tools);
  const done = new AbortController();
  const signal = AbortSignal.any([stop, done.signal]);
  const reporting = desk.reporter.run(signal);
  reporting.catch(() => undefined);
  try {
    const reader = {
      onTasks: (state: TaskSetState) => desk.consider(state),
      onRetry: (error: unknown, pauseMs: number) =>
        tools.log.warn({ error: errorText(error), pauseMs }, "the task set cannot be watched"),
    };
    const end = await Promise.race([followTaskSet(tools.taskSet, reader, signal), reporting]);
    tools.log.info({ reason: end }, "the task set needs no agent any more");
  } catch (error) {
    if (!stop.aborted) throw error;
    tools.log.info({}, "told to stop; reporting what is answered");
    await desk.reporter.flush(AbortSignal.timeout(flushMs));
  } finally {
    done.abort();
  }
}

/** The tasks of the workflow on their way from the task set and back. */
class Desk implements Disposable {
  readonly reporter: Reporter;
  readonly #tools: AgentTools;
  readonly #journal: Journal;
  readonly #queue: TaskQueue;
  readonly #plugins: Plugins;
  readonly #http: HttpExecutor;
  readonly #largeBodies: Permits;
  /** In `spec.tasks` now: each is executed once, whatever number of events repeat it. */
  readonly #considered = new Map<string, AbortController>();
  readonly #departed = new Set<string>();
  readonly #requeued = new Map<string, NodeJS.Timeout>();

  constructor(config: AgentConfig, tools: AgentTools) {
    this.#tools = tools;
    this.#journal = new Journal(config.journalPath, config.workflowUid, tools.log);
    const workflow = { name: config.workflowName, namespace: config.namespace, uid: config.workflowUid };
    this.#plugins = new Plugins(config.plugins, workflow, config.userAgent);
    this.reporter = new Reporter({
      patchRateMs: config.patchRateMs,
      patch: (nodes, signal) => tools.taskSet.patchNodes(nodes, signal),
      isWanted: (nodeId) => this.#considered.has(nodeId),
      onReported: (nodeId) => this.#onReported(nodeId),
      log: tools.log,
    });
    const hasRoom = () => this.reporter.sizeBytes < unreportedBytesMax;
    this.#largeBodies = new Permits(largeBodiesMax, hasRoom);
    this.#http = new HttpExecutor({
      ...config,
      limits: { bodyBytesMax, largeBodies: this.#largeBodies },
      connections: { proxy: config.proxy, readRoots: tools.readRoots },
      readSecret: tools.readSecret,
      onSend: (nodeId) => this.#journal.noteSent(nodeId),
    });
    const limits = { perServer: config.workers, total: inFlightMax, hasRoom };
    this.#queue = new TaskQueue(limits, (task) => this.#execute(task));
  }

  /** Takes in what is new in the task set, and lets go what has left it. */
  consider(state: TaskSetState): void {
    if (this.#considered.size === 0) this.#journal.keepOnly((nodeId) => Object.hasOwn(state.tasks, nodeId));
    this.#letGo(state);
    for (const [nodeId, template] of Object.entries(state.tasks)) {
      if (this.#considered.has(nodeId) || this.#departed.has(nodeId)) continue;
      this.#considered.set(nodeId, new AbortController());
      if (isTerminal(state.phases.get(nodeId))) continue;
      if (isRecord(template)) this.#take({ nodeId, template });
      else this.#finish(nodeId, error("error processing task: the template is not an object"));
    }
    this.#queue.pump();
  }

  [Symbol.dispose](): void {
    for (const controller of this.#considered.values()) controller.abort();
    for (const timer of this.#requeued.values()) clearTimeout(timer);
    this.#http[Symbol.dispose]();
    this.#plugins[Symbol.dispose]();
    this.#journal[Symbol.dispose]();
  }

  #letGo({ tasks }: TaskSetState): void {
    let hasGone = false;
    for (const [nodeId, controller] of this.#considered) {
      if (Object.hasOwn(tasks, nodeId)) continue;
      // Nobody waits for it any more: the node was fulfilled by us, or by somebody who stopped it.
      controller.abort();
      this.#considered.delete(nodeId);
      this.#departed.add(nodeId);
      this.#journal.forget(nodeId);
      clearTimeout(this.#requeued.get(nodeId));
      this.#requeued.delete(nodeId);
      hasGone = true;
    }
    for (const nodeId of this.#departed) {
      if (this.#departed.size <= departedMax) break;
      this.#departed.delete(nodeId);
    }
    if (hasGone) this.#queue.keepOnly(({ nodeId }) => this.#considered.has(nodeId));
  }

  #take(task: Task): void {
    const past = this.#journal.past(task.nodeId);
    switch (past?.state) {
      case undefined:
        this.#queue.push(serverOf(task), task);
        break;
      case "answered":
        this.reporter.report(task.nodeId, past.json, true);
        break;
      case "sent":
        this.#finish(task.nodeId, error(unknownOutcome));
        break;
      case "reported":
        break;
    }
  }

  async #execute(task: Task): Promise<void> {
    const { nodeId } = task;
    const controller = this.#considered.get(nodeId);
    if (controller === undefined) return;
    try {
      const { result, requeueMs } = await this.#outcome(task, controller.signal);
      if (result !== undefined) this.#finish(nodeId, result);
      if (requeueMs !== undefined) this.#requeue(task, requeueMs);
    } catch (cause) {
      if (controller.signal.aborted) return;
      this.#tools.log.error({ nodeId, error: errorText(cause) }, "a task could not be executed");
      this.#finish(nodeId, error(`error processing task: ${errorText(cause)}`));
    }
  }

  async #outcome(task: Task, signal: AbortSignal): Promise<Outcome> {
    const { nodeId, template } = task;
    this.#tools.log.info({ nodeId, template: template.name }, "task begins");
    if (template.http !== undefined && template.http !== null) {
      return { result: await this.#http.run(task, signal) };
    }
    if (template.plugin !== undefined && template.plugin !== null) return this.#plugins.run(task, signal);
    const message = `error processing task: agent cannot execute: unknown task type: ${typeOf(template)}`;
    return { result: error(message) };
  }

  #finish(nodeId: string, result: NodeResult): void {
    if (!this.#considered.has(nodeId)) return;
    const json = resultJson(result);
    const sizeBytes = Buffer.byteLength(json);
    if (sizeBytes > objectBytesMax) {
      const message = `the result is ${sizeBytes} bytes as JSON, and a task set can hold ${objectBytesMax}`;
      this.#finish(nodeId, { phase: "Failed", message });
      return;
    }
    const isFinal = isTerminal(result.phase);
    if (isFinal) this.#journal.noteAnswered(nodeId, json);
    this.reporter.report(nodeId, json, isFinal);
    this.#tools.log.info({ nodeId, phase: result.phase, message: result.message }, "task has a result");
  }

  #requeue(task: Task, afterMs: number): void {
    const timer = setTimeout(
      () => {
        this.#requeued.delete(task.nodeId);
        this.#queue.push(serverOf(task), task);
        this.#queue.pump();
      },
      Math.min(afterMs, 2 ** 31 - 1),
    );
    this.#requeued.set(task.nodeId, timer);
  }

  #onReported(nodeId: string): void {
    this.#journal.noteReported(nodeId);
    this.#largeBodies.admit();
    this.#queue.pump();
  }
}

const unknownOutcome =
  "the agent was restarted after the request had been sent and before its answer was stored: whether it took effect " +
  "cannot be known. It was not sent again; set an Idempotency-Key header in the template if it may be";

function error(message: string): NodeResult {
  return { phase: "Error", message };
}

const templateTypes = {
  steps: "Steps",
  dag: "DAG",
  container: "Container",
  containerSet: "ContainerSet",
  script: "Script",
  resource: "Resource",
  data: "Data",
  suspend: "Suspend",
} as const;

/** The kind of a template, as the controller names it. */
function typeOf(template: Task["template"]): string {
  const found = Object.entries(templateTypes).find(
    ([field]) => isRecord(template[field]) || Array.isArray(template[field]),
  );
  return found?.[1] ?? "Unknown";
}
