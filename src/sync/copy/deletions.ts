import type { Report } from "../report/index.ts";
import type { ListedObject } from "../repository/index.ts";
import type { Spool } from "../spool.ts";
import type { SyncScope } from "./scope.ts";

/** What only the target has, with the workflow that it belongs to. */
export type Superfluous = ListedObject & { readonly workflow?: string | undefined };

export interface DeletionLimits {
  readonly deletionsMax: number;
  /** True where the source listed nothing at all. */
  readonly isSourceEmpty: boolean;
}

/**
 * Deletes what only the target has: all of it, or none where it is more than allowed, or where something was not
 * copied, for the target is then no copy of the source to judge by. An empty source deletes nothing either: it is the
 * wrong folder or a store that lost its data far more often than it is meant.
 */
export async function deleteSuperfluous(
  { target }: SyncScope,
  superfluous: Spool<Superfluous>,
  limits: DeletionLimits,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  if (superfluous.count === 0) return;
  const why = whyKept(report, superfluous.count, limits);
  for await (const batch of superfluous.batches(target.store.limits.deleteKeysMax)) {
    if (why !== undefined) {
      for (const object of batch) report.note("kept", object, object.workflow, why);
      continue;
    }
    const failures = await target.delete(
      batch.map(({ key }) => key),
      signal,
    );
    for (const object of batch) {
      const error = failures.get(object.key);
      if (error === undefined) report.note("deleted", object, object.workflow, "only the target has it");
      else report.fail(object, error, object.workflow);
    }
  }
  if (why === undefined) return;
  report.tell({
    deed: "kept",
    key: "",
    why: `${superfluous.count} objects are kept: ${why}`,
    isPassing: false,
  });
}

function whyKept(
  report: Report,
  count: number,
  { deletionsMax, isSourceEmpty }: DeletionLimits,
): string | undefined {
  if (report.tally("failed").objects > 0) return "something was not copied, so nothing is deleted";
  if (isSourceEmpty) return "the source is empty, so nothing is deleted";
  if (count > deletionsMax) {
    return `more than --max-delete ${deletionsMax} would be deleted; raise it if that is meant`;
  }
  return undefined;
}
