import { errorText } from "../errors/index.ts";
import type { ProxySettings } from "../http/index.ts";
import { followTaskSet, type TaskSet, type TaskSetState } from "../kube/index.ts";
import { Backlog, Permits } from "../limits/index.ts";
import type { Logger } from "../log/index.ts";
import { executeTasks } from "./executor.ts";
import { HttpTasks } from "./http-task.ts";
import { Journal } from "./journal.ts";
import { type PluginAddress, Plugins } from "./plugins.ts";
import { Reporter } from "./reporter.ts";
import { TaskQueue } from "./task-queue.ts";
import { errorResult, isRecord, isTerminal, serverOf, type Task, WantedTasks } from "./tasks.ts";

export interface AgentConfig {
  readonly workflowName: string;
  readonly workflowUid: string;
  readonly namespace: string;
  readonly plugins: readonly PluginAddress[];
  /** `ARGO_AGENT_TASK_WORKERS`: tasks in flight for one server. */
  readonly workers: number;
  readonly patchRateMs: number;
  /** The longest silence where an HTTP template has no timeoutSeconds; 0: none. */
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
/** How long results may take to be delivered once we were told to go, of the 30 s that the pod has. */
const flushMs = 20_000;

/**
 * Serves the HTTP and plugin templates of one workflow (docs/contract/roles.md#1.5 to #1.11) until its task set is
 * deleted or completed, or until `stop`: then what is answered is reported, and what is in flight is given up.
 */
export async function agent(config: AgentConfig, tools: AgentTools, stop: AbortSignal): Promise<void> {
  const { log } = tools;
  const done = new AbortController();
  const signal = AbortSignal.any([stop, done.signal]);
  using way = layOut(config, tools);
  const { executor, reporter } = way;
  const reader = {
    onTasks: (state: TaskSetState) => takeTasks(state, way),
    onRetry: (error: unknown, pauseMs: number) =>
      log.warn({ error: errorText(error), pauseMs }, "the task set cannot be watched"),
  };
  const stages = [executeTasks(executor, signal), reporter.run(signal)];
  for (const stage of stages) stage.catch(() => undefined);
  try {
    const end = await Promise.race([followTaskSet(tools.taskSet, reader, signal), ...stages]);
    log.info({ reason: end }, "the task set needs no agent any more");
  } catch (error) {
    if (!stop.aborted) throw error;
    log.info({}, "told to stop; reporting what is answered");
    await reporter.flush(AbortSignal.timeout(flushMs));
  } finally {
    done.abort();
  }
}

/** A task's way, stage by stage; each knows only those after it: watch, queue, execution, journal, report. */
function layOut(config: AgentConfig, tools: AgentTools) {
  const { workflowName: name, workflowUid: uid, namespace, userAgent, patchRateMs, workers } = config;
  const { taskSet, log, readRoots, readSecret } = tools;
  using stack = new DisposableStack();
  const room = new Backlog(unreportedBytesMax);
  const journal = stack.use(new Journal(config.journalPath, uid, log));
  const wanted = new WantedTasks();
  const reporter = new Reporter({ patchRateMs, taskSet, wanted, journal, room, log });
  const queue = stack.use(new TaskQueue({ perServer: workers, total: inFlightMax }, room));
  const http = stack.use(
    new HttpTasks({
      workflowUid: uid,
      userAgent,
      limits: {
        defaultTimeoutMs: config.httpTimeoutMs,
        bodyBytesMax,
        largeBodies: new Permits(largeBodiesMax, room),
      },
      connections: { proxy: config.proxy, readRoots },
      readSecret,
      journal,
    }),
  );
  const plugins = stack.use(new Plugins(config.plugins, { name, namespace, uid }, userAgent, log));
  // Goes first of all: a task that is given up must not end as one whose connection broke.
  stack.use(wanted);
  const executor = { wanted, queue, http, plugins, reporter, log };
  const kept = stack.move();
  return { wanted, journal, queue, executor, reporter, [Symbol.dispose]: () => kept.dispose() };
}

type Way = Pick<ReturnType<typeof layOut>, "wanted" | "journal" | "queue" | "reporter">;

/** Where tasks enter: what is new in the task set is queued, what has left it is let go. */
function takeTasks(state: TaskSetState, way: Way): void {
  const { wanted, journal, queue, reporter } = way;
  if (wanted.isEmpty) journal.keepOnly((nodeId) => Object.hasOwn(state.tasks, nodeId));
  const { come, gone } = wanted.update(state);
  for (const nodeId of gone) journal.forget(nodeId);
  if (gone.length > 0) queue.drop(gone);
  for (const nodeId of come) {
    if (isTerminal(state.phases.get(nodeId))) continue;
    const template = state.tasks[nodeId];
    if (isRecord(template)) begin({ nodeId, template }, way);
    else reporter.add(nodeId, errorResult("error processing task: the template is not an object"));
  }
}

const unknownOutcome =
  "the agent was restarted after the request had been sent and before its answer was stored: whether it took effect " +
  "cannot be known. It was not sent again; set an Idempotency-Key header in the template if it may be";

/** A restarted agent knows what an earlier run did. */
function begin(task: Task, { journal, queue, reporter }: Way): void {
  const { nodeId } = task;
  const past = journal.past(nodeId);
  if (past === undefined) queue.push(serverOf(task), task);
  else if (past.state === "answered") reporter.repeat(nodeId, past.json);
  else if (past.state === "sent") reporter.add(nodeId, errorResult(unknownOutcome));
}
