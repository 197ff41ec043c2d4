import type { ArtifactDriver } from "../artifacts/index.ts";
import type { GcResult, GcResults, GcTasks } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import type { ArtifactLocation } from "../template/index.ts";
import { deleteArtifacts, type GcOutcome } from "./delete-artifacts.ts";

export interface GcTools {
  readonly tasks: GcTasks;
  readonly openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>;
  readonly log: Logger;
}

/**
 * The artifact GC job (contract roles.md 4): deletes what the tasks with the job's label name, and reports each
 * artifact as deleted or with its error, in patches as the work goes on. Artifacts that cannot be deleted are not this
 * job's failure; it throws only where a task could not be read or reported.
 */
export async function collectGarbage(tools: GcTools, podLabel: string, signal: AbortSignal): Promise<void> {
  for await (const task of tools.tasks.list(podLabel, signal)) {
    const { name } = task.metadata;
    let deleted = 0;
    let failed = 0;
    for await (const outcomes of deleteArtifacts(task, tools.openDriver, signal)) {
      await tools.tasks.report(name, byNode(outcomes), signal);
      const errors = outcomes.filter(({ result }) => result.error !== undefined);
      for (const { nodeId, result } of errors) {
        tools.log.warn(
          { task: name, nodeId, artifactName: result.name, error: result.error },
          "artifact not deleted",
        );
      }
      failed += errors.length;
      deleted += outcomes.length - errors.length;
    }
    tools.log.info({ task: name, deleted, failed }, "artifact garbage collected");
  }
}

function byNode(outcomes: readonly GcOutcome[]): GcResults {
  const results: Record<string, Record<string, GcResult>> = {};
  for (const { nodeId, result } of outcomes) {
    const node = results[nodeId] ?? {};
    node[result.name] = result;
    results[nodeId] = node;
  }
  return results;
}
