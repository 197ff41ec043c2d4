import { type Outcome, syncStatus } from "../outcome.ts";
import type { Report } from "../report/index.ts";

/** How a run ended, and what to do. */
export function runOutcome(report: Report): Outcome {
  const failed = report.tally("failed").objects;
  const done = (["copied", "replaced", "deleted"] as const)
    .map((deed) => ({ deed, ...report.tally(deed) }))
    .filter(({ objects }) => objects > 0)
    .map(({ deed, objects }) => `${objects} ${deed}`)
    .join(", ");
  const summary = `${done === "" ? "nothing had to be done" : done}, ${report.tally("equal").objects} were equal`;
  if (failed === 0 && !report.needsAction) return { status: syncStatus.done, advice: `done: ${summary}` };
  const [first] = report.snapshot().incidents.filter(({ isPassing }) => isPassing !== report.needsAction);
  const example =
    first === undefined
      ? ""
      : `, such as ${first.key === "" ? "" : `${JSON.stringify(first.key)}: `}${first.why}`;
  if (report.needsAction) {
    const text = failed === 0 ? `partial: ${summary}` : `partial: ${failed} could not be copied (${summary})`;
    return { status: syncStatus.act, advice: `${text}; somebody has to act${example}` };
  }
  return {
    status: syncStatus.retry,
    advice: `partial: ${failed} could not be copied now (${summary}); run the same command again${example}`,
  };
}
