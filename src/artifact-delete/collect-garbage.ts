import type { GcResults, GcTasks } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import { type Batch, batchesOf } from "./batches.ts";
import { deleteBatch, type OpenDriver, Stores } from "./delete-batch.ts";
import { TaskReport } from "./task-report.ts";

export interface GcTools {
  readonly tasks: GcTasks;
  readonly openDriver: OpenDriver;
  readonly log: Logger;
  /** How long a result may wait for others before it is reported. */
  readonly reportIntervalMs?: number;
}

export interface GcSignals {
  /** Ends the deletion. What is deleted by then is still reported, for nobody else will. */
  readonly stop: AbortSignal;
  /** Ends the reporting, too. */
  readonly abort: AbortSignal;
}

/**
 * A patch costs the API server 0.3 s of CPU where a task has 2,500 artifacts, however few results it brings: it reads,
 * merges and writes the whole object.
 */
const defaultReportIntervalMs = 3000;
/** Batches that are being deleted at once, whatever tasks and stores they belong to. */
const batchesInFlight = 4;

/**
 * The artifact GC job (docs/contract/roles.md#4): deletes what the tasks with the job's label name, and reports each
 * artifact as deleted or with its error. Artifacts that cannot be deleted are not this job's failure; it throws only
 * where a task could not be read or reported, after all others were.
 */
export async function collectGarbage(tools: GcTools, podLabel: string, signals: GcSignals): Promise<void> {
  const reports: TaskReport[] = [];
  const work = workOf(tools, podLabel, reports, signals);
  await using stores = new Stores(tools.openDriver);
  const run = async () => {
    for await (const { batch, report } of work) report.add(await deleteBatch(stores, batch, signals.stop));
  };
  const runs = await Promise.allSettled(Array.from({ length: batchesInFlight }, run));
  const ends = await Promise.allSettled(reports.map((report) => report.finish()));
  for (const end of [...runs, ...ends]) if (end.status === "rejected") throw end.reason;
}

interface Work {
  readonly batch: Batch;
  readonly report: TaskReport;
}

/** The batches of one task after the other, so that the first is reported while the next is being deleted. */
async function* workOf(
  { tasks, log, reportIntervalMs = defaultReportIntervalMs }: GcTools,
  podLabel: string,
  reports: TaskReport[],
  { stop, abort }: GcSignals,
): AsyncGenerator<Work> {
  for await (const task of tasks.list(podLabel, stop)) {
    const { name } = task.metadata;
    const { batches, failures, count } = batchesOf(task);
    const send = (results: GcResults) => tasks.report(name, results, abort);
    const report = new TaskReport({ task: name, count, intervalMs: reportIntervalMs, send, log });
    reports.push(report);
    report.add(failures);
    for (const batch of batches) yield { batch, report };
  }
}
