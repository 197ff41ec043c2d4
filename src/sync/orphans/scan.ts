import type { Report } from "../report/index.ts";
import type { ExpectedOutputs } from "./expected-outputs.ts";
import { type JudgeOptions, judge, type KeptBecause } from "./judge.ts";
import type { OrphanRepository, StoredObject } from "./repository.ts";
import { Tallies } from "./tally.ts";

/** An object that may be deleted. */
export interface Candidate extends StoredObject {
  readonly workflow: string;
  readonly why: "orphan" | "expired";
}

/** What a walk over a store has counted. */
export interface ScanTotals {
  /** By what became of objects: `orphan`, `expired`, `named`, `unnamed`, `uncertain`, `foreign`, `young`, `excluded`. */
  readonly verdicts: Tallies;
  /** Candidates by the workflow that their keys name. */
  readonly workflows: Tallies;
  /** Reasons of uncertainty. */
  readonly uncertain: Tallies;
}

/** Walks over all of a repository and yields what may be deleted, in the store's order. */
export async function* scan(
  repository: OrphanRepository,
  options: JudgeOptions,
  seen: { readonly totals: ScanTotals; readonly expected: ExpectedOutputs; readonly report: Report },
  signal: AbortSignal,
): AsyncGenerator<Candidate> {
  const { verdicts, workflows, uncertain } = seen.totals;
  for await (const object of repository.list(signal)) {
    seen.expected.see(object.key);
    const verdict = judge(object, options);
    if (verdict.kind === "kept") {
      verdicts.add(verdict.because, object.sizeBytes);
      if (verdict.because === "uncertain") uncertain.add(verdict.detail, object.sizeBytes);
      const owner = verdict.because === "unnamed" || verdict.because === "named" ? verdict.detail : "";
      seen.report.note("kept", object, owner, keptBecause[verdict.because]);
      continue;
    }
    verdicts.add(verdict.kind, object.sizeBytes);
    workflows.add(verdict.workflow, object.sizeBytes);
    seen.report.note("orphan", object, verdict.workflow, candidateBecause[verdict.kind]);
    yield { ...object, workflow: verdict.workflow, why: verdict.kind };
  }
}

/** The words of reports. */
const keptBecause: Readonly<Record<KeptBecause, string>> = {
  named: "an artifact of a workflow, a template or a cache",
  unnamed: "of a workflow that is known, by its key",
  uncertain: "nobody can tell whose it is",
  foreign: "nothing says that a workflow made it",
  young: "younger than --older-than, or of unknown age",
  excluded: "not selected",
};
const candidateBecause = {
  orphan: "of a workflow that is neither live nor archived",
  expired: "of a workflow whose retention has ended",
} as const;

export function newTotals(): ScanTotals {
  return { verdicts: new Tallies(), workflows: new Tallies(), uncertain: new Tallies() };
}
