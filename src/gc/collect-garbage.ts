import type { ArtifactDriver } from "../artifacts/index.ts";
import type { GcTask, GcTasks } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import type { ArtifactLocation } from "../template/index.ts";
import { deleteArtifacts } from "./delete-artifacts.ts";
import { TaskReport } from "./task-report.ts";

export interface GcTools {
  readonly tasks: GcTasks;
  readonly openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>;
  readonly log: Logger;
}

/**
 * The artifact GC job (contract roles.md 4): deletes what the tasks with the job's label name, and reports each
 * artifact as deleted or with its error, while the work goes on. Artifacts that cannot be deleted are not this job's
 * failure; it throws only where a task could not be read or reported, after all others were.
 */
export async function collectGarbage(tools: GcTools, podLabel: string, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for await (const page of tools.tasks.list(podLabel, signal)) {
    const ends = await Promise.allSettled(page.map((task) => collectTask(tools, task, signal)));
    failures.push(...ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : [])));
  }
  if (failures.length > 0) throw failures[0];
}

async function collectTask(
  { tasks, openDriver, log }: GcTools,
  task: GcTask,
  signal: AbortSignal,
): Promise<void> {
  const { name } = task.metadata;
  const report = new TaskReport((results) => tasks.report(name, results, signal));
  let deleted = 0;
  let failed = 0;
  for await (const outcomes of deleteArtifacts(task, openDriver, signal)) {
    report.add(outcomes);
    const errors = outcomes.filter(({ result }) => result.error !== undefined);
    for (const { nodeId, result } of errors) {
      log.warn(
        { task: name, nodeId, artifactName: result.name, error: result.error },
        "artifact not deleted",
      );
    }
    failed += errors.length;
    deleted += outcomes.length - errors.length;
  }
  await report.finish();
  log.info({ task: name, deleted, failed }, "artifact garbage collected");
}
