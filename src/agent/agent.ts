import { errorText } from "../errors/index.ts";
import type { ProxySettings } from "../http/index.ts";
import { followTaskSet, type TaskSet, type TaskSetState } from "../kube/index.ts";
import { Permits } from "../limits/index.ts";
import type { Logger } from "../log/index.ts";
import { executeTasks } from "./executor.ts";
import { HttpExecutor } from "./http-executor.ts";
import { Intake } from "./intake.ts";
import { Journal } from "./journal.ts";
import { type PluginAddress, Plugins } from "./plugins.ts";
import { Reporter } from "./reporter.ts";
import { ResultRoom } from "./result-room.ts";
import { Results } from "./results.ts";
import { TaskQueue } from "./task-queue.ts";
import { WantedTasks } from "./wanted-tasks.ts";

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
  const { intake, executor, reporter } = way;
  const reader = {
    onTasks: (state: TaskSetState) => intake.take(state),
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

/** A task's way, stage by stage; each knows only those after it: intake, queue, execution, journal, report. */
function layOut(config: AgentConfig, tools: AgentTools) {
  const { workflowName: name, workflowUid: uid, namespace, userAgent, patchRateMs, workers } = config;
  const { taskSet, log, readRoots, readSecret } = tools;
  using stack = new DisposableStack();
  const room = new ResultRoom(unreportedBytesMax);
  const journal = stack.use(new Journal(config.journalPath, uid, log));
  const wanted = new WantedTasks();
  const reporter = new Reporter({ patchRateMs, taskSet, wanted, journal, room, log });
  const results = new Results({ wanted, journal, reporter, log });
  const queue = stack.use(new TaskQueue({ perServer: workers, total: inFlightMax }, room));
  const http = stack.use(
    new HttpExecutor({
      ...config,
      limits: { bodyBytesMax, largeBodies: new Permits(largeBodiesMax, room) },
      connections: { proxy: config.proxy, readRoots },
      readSecret,
      journal,
    }),
  );
  const plugins = stack.use(new Plugins(config.plugins, { name, namespace, uid }, userAgent, log));
  // Goes first of all: a task that is given up must not end as one whose connection broke.
  stack.use(wanted);
  const intake = new Intake({ wanted, journal, queue, results });
  const executor = { wanted, queue, http, plugins, results, log };
  const kept = stack.move();
  return { intake, executor, reporter, [Symbol.dispose]: () => kept.dispose() };
}
