import type { NamedArtifact, WorkflowRecord } from "../workflows/index.ts";

/** An artifact that artifact GC had to delete, and has not noted as deleted. */
export type DueArtifact = NamedArtifact;

/**
 * What artifact GC has left undone in a workflow: artifacts whose strategy is due and was begun, and which are not noted
 * as deleted. A strategy that the controller has not begun is its own affair still, and one that runs or whose nodes
 * are unknown tells nothing. Where a workflow insists on strategies for some of its artifacts, the others stay.
 */
export function dueArtifacts(workflow: WorkflowRecord): readonly DueArtifact[] {
  const { hasGcFinalizer, isBeingDeleted, strategiesProcessed } = workflow;
  if (!hasGcFinalizer || !isFinal(workflow)) return [];
  const due = new Set(strategiesProcessed.filter((name) => name !== "OnWorkflowDeletion" || isBeingDeleted));
  return workflow.artifacts.filter(
    ({ nodeId, role, isDeleted, strategy }) =>
      nodeId !== "" && role !== "input" && !isDeleted && strategy !== "Never" && due.has(strategy),
  );
}

/** True where its nodes are known, and no more are to come. */
function isFinal({ isRunning, isBeingDeleted, unknownBecause }: WorkflowRecord): boolean {
  return unknownBecause === undefined && (!isRunning || isBeingDeleted);
}

/** True where nothing that artifact GC is to delete, now or later, is left besides `done`. */
export function allCollected(workflow: WorkflowRecord, done: ReadonlySet<string>): boolean {
  if (!isFinal(workflow)) return false;
  return workflow.artifacts.every(
    (artifact) =>
      artifact.nodeId === "" ||
      artifact.role === "input" ||
      artifact.isDeleted ||
      artifact.strategy === "Never" ||
      artifact.strategy === "" ||
      done.has(`${artifact.nodeId} ${artifact.name}`),
  );
}
