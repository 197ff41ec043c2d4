import { errorText } from "../errors/index.ts";
import type { Logger } from "../log/index.ts";
import { span } from "../tracing/index.ts";
import type { HttpTasks } from "./http-task.ts";
import type { Plugins } from "./plugins.ts";
import type { Reporter } from "./reporter.ts";
import type { TaskQueue, Turn } from "./task-queue.ts";
import { errorResult, type Outcome, serverOf, type Task, type WantedTasks } from "./tasks.ts";

export interface ExecutorOptions {
  readonly wanted: WantedTasks;
  readonly queue: TaskQueue;
  readonly http: HttpTasks;
  readonly plugins: Plugins;
  readonly reporter: Reporter;
  readonly log: Logger;
}

/** Takes tasks as their turns come, and hands their results on, until `signal` aborts; then throws its reason. */
export async function executeTasks(options: ExecutorOptions, signal: AbortSignal): Promise<never> {
  for await (const turn of options.queue.turns(signal)) void execute(turn, options);
  throw signal.reason;
}

/** Never rejects. */
async function execute(turn: Turn, options: ExecutorOptions): Promise<void> {
  using _ = turn;
  const { task } = turn;
  const { nodeId } = task;
  const { wanted, queue, reporter, log } = options;
  const signal = wanted.signalOf(nodeId);
  if (signal === undefined) return;
  try {
    const { result, requeueMs } = await span("executeTask", { "node.id": nodeId }, () =>
      outcomeOf(task, options, signal),
    );
    if (result !== undefined) reporter.add(nodeId, result);
    if (requeueMs !== undefined && wanted.has(nodeId)) queue.pushLater(serverOf(task), task, requeueMs);
  } catch (cause) {
    if (signal.aborted) return;
    log.error({ nodeId, error: errorText(cause) }, "a task could not be executed");
    reporter.add(nodeId, errorResult(`error processing task: ${errorText(cause)}`));
  }
}

async function outcomeOf(
  task: Task,
  { http, plugins, log }: ExecutorOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const { nodeId, template } = task;
  log.info({ nodeId, template: template.name }, "task begins");
  if (template.http !== undefined && template.http !== null) return { result: await http.run(task, signal) };
  if (template.plugin !== undefined && template.plugin !== null) return plugins.run(task, signal);
  const message = `error processing task: agent cannot execute: unknown task type: ${typeOf(template)}`;
  return { result: errorResult(message) };
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
  const found = Object.entries(templateTypes).find(([field]) => typeof (template[field] ?? "") === "object");
  return found?.[1] ?? "Unknown";
}
