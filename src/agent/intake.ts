import type { TaskSetState } from "../kube/index.ts";
import type { Journal } from "./journal.ts";
import type { Results } from "./results.ts";
import { errorResult, isRecord, isTerminal, serverOf, type Task } from "./task.ts";
import type { TaskQueue } from "./task-queue.ts";
import type { WantedTasks } from "./wanted-tasks.ts";

export interface IntakeOptions {
  readonly wanted: WantedTasks;
  readonly journal: Journal;
  readonly queue: TaskQueue;
  readonly results: Results;
}

const unknownOutcome =
  "the agent was restarted after the request had been sent and before its answer was stored: whether it took effect " +
  "cannot be known. It was not sent again; set an Idempotency-Key header in the template if it may be";

/** Where tasks enter: what is new in the task set is queued, what has left it is let go. */
export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  take(state: TaskSetState): void {
    const { wanted, journal, queue, results } = this.#options;
    if (wanted.isEmpty) journal.keepOnly((nodeId) => Object.hasOwn(state.tasks, nodeId));
    const { come, gone } = wanted.update(state);
    for (const nodeId of gone) journal.forget(nodeId);
    if (gone.length > 0) queue.drop(gone);
    for (const nodeId of come) {
      if (isTerminal(state.phases.get(nodeId))) continue;
      const template = state.tasks[nodeId];
      if (isRecord(template)) this.#begin({ nodeId, template });
      else results.add(nodeId, errorResult("error processing task: the template is not an object"));
    }
  }

  /** A restarted agent knows what an earlier run did. */
  #begin(task: Task): void {
    const { journal, queue, results } = this.#options;
    const past = journal.past(task.nodeId);
    switch (past?.state) {
      case undefined:
        queue.push(serverOf(task), task);
        break;
      case "answered":
        results.repeat(task.nodeId, past.json);
        break;
      case "sent":
        results.add(task.nodeId, errorResult(unknownOutcome));
        break;
      case "reported":
        break;
    }
  }
}
