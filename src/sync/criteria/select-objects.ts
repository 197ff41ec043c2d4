import type { Selection, Verdict } from "../selection.ts";
import type { WorkflowRecord } from "../workflows/index.ts";
import { asksForWorkflows, type Criteria } from "./criteria.ts";
import type { ObjectOwner, Owners } from "./owners.ts";

/** True for a workflow that the criteria mean, whatever its artifacts. */
export function selectsWorkflow(workflow: WorkflowRecord, criteria: Criteria): boolean {
  const { namespaces, phases, selector } = criteria;
  const phase = workflow.phase === "" ? "Pending" : workflow.phase;
  return (
    (criteria.workflow === undefined || criteria.workflow(workflow.name)) &&
    (namespaces.length === 0 || namespaces.includes(workflow.namespace)) &&
    (phases.length === 0 || phases.includes(phase)) &&
    (selector === undefined || selector(workflow.labels))
  );
}

/**
 * The selection that the criteria make; `owners` knows the workflows, or nobody where keys alone decide. What artifact GC
 * is about to delete is never wanted.
 */
export function selectObjects(criteria: Criteria, owners: Owners | undefined, nowMs: number): Selection {
  const { olderThanMs, newerThanMs } = criteria;
  const byWorkflow = asksForWorkflows(criteria);
  return {
    isPartial: byWorkflow || olderThanMs !== undefined || newerThanMs !== undefined,
    judge({ key, modifiedMs }): Verdict {
      const owner = owners?.ownerOf(key);
      const workflow = owner?.workflow || undefined;
      const not = (why: string): Verdict => ({ isWanted: false, workflow, why });
      if (owner?.isBeingCollected) return not("artifact GC deletes it");
      const why =
        wrongAge(modifiedMs, criteria, nowMs) ?? (byWorkflow ? notMeant(owner, criteria) : undefined);
      return why === undefined ? { isWanted: true, workflow } : not(why);
    },
  };
}

function wrongAge(
  modifiedMs: number | undefined,
  { olderThanMs, newerThanMs }: Criteria,
  nowMs: number,
): string | undefined {
  if (olderThanMs === undefined && newerThanMs === undefined) return undefined;
  if (modifiedMs === undefined) return "the store does not tell its age";
  const age = nowMs - modifiedMs;
  if (olderThanMs !== undefined && age < olderThanMs) return "younger than --older-than";
  if (newerThanMs !== undefined && age >= newerThanMs) return "older than --newer-than";
  return undefined;
}

function notMeant(owner: ObjectOwner | undefined, { template, artifact }: Criteria): string | undefined {
  if (owner === undefined) return "of no workflow that is known";
  if (!owner.isSelected) return "of another workflow";
  if (template && !template(owner.template)) return "of another template";
  if (artifact && !artifact(owner.artifact)) return "another artifact";
  return undefined;
}
