import { decide } from "../compare/index.ts";
import { type Outcome, syncStatus } from "../outcome.ts";
import { Report } from "../report/index.ts";
import { joinScope, type SyncScope } from "./scope.ts";
import type { ShardPlanner } from "./shards.ts";

/**
 * Counts what `run` would do, and changes nothing; `shards` is told what there is, to divide it. The report has an incident for each key that is not in the target as
 * it is in the source, up to the report's limit.
 */
export async function planSync(
  scope: SyncScope,
  shards: ShardPlanner | undefined,
  signal: AbortSignal,
): Promise<{ readonly report: Report; readonly outcome: Outcome }> {
  const report = new Report("sync plan", scope.source.name, scope.target.name);
  for await (const pairs of joinScope(scope, undefined, signal)) {
    for (const pair of pairs) {
      const decision = decide(pair, scope.rules);
      if (decision === undefined) continue;
      const { deed, workflow, why } = decision;
      const copies = "source" in decision;
      const object = copies ? decision.source : decision.object;
      if (pair.source !== undefined) shards?.add(pair.source.key, copies ? object.sizeBytes : undefined);
      report.note(deed, object, workflow, why);
      if (deed === "equal" || deed === "skipped") continue;
      const { key, sizeBytes } = object;
      report.tell({ deed, key, workflow, sizeBytes, why: why ?? "", isPassing: true });
    }
  }
  return { report, outcome: { status: syncStatus.done, advice: planAdvice(report) } };
}

function planAdvice(report: Report): string {
  const counts = (["copied", "replaced", "deleted"] as const).map((deed) => ({
    deed,
    ...report.tally(deed),
  }));
  const parts = counts
    .filter(({ objects }) => objects > 0)
    .map(({ deed, objects }) => `${objects} would be ${deed}`);
  if (parts.length === 0) return "nothing to do: the target has what the source has";
  const bytes = counts.filter(({ deed }) => deed !== "deleted").reduce((sum, tally) => sum + tally.bytes, 0);
  return `${parts.join(", ")}, ${bytes} bytes in all; sync run with the same arguments does it`;
}
