import type { ExpectedOutputs } from "./expected-outputs.ts";
import { type JudgeOptions, judge } from "./judge.ts";
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
  seen: { readonly totals: ScanTotals; readonly expected: ExpectedOutputs },
  signal: AbortSignal,
): AsyncGenerator<Candidate> {
  const { verdicts, workflows, uncertain } = seen.totals;
  for await (const object of repository.list(signal)) {
    seen.expected.see(object.key);
    const verdict = judge(object, options);
    if (verdict.kind === "kept") {
      verdicts.add(verdict.because, object.sizeBytes);
      if (verdict.because === "uncertain") uncertain.add(verdict.detail, object.sizeBytes);
      continue;
    }
    verdicts.add(verdict.kind, object.sizeBytes);
    workflows.add(verdict.workflow, object.sizeBytes);
    yield { ...object, workflow: verdict.workflow, why: verdict.kind };
  }
}

export function newTotals(): ScanTotals {
  return { verdicts: new Tallies(), workflows: new Tallies(), uncertain: new Tallies() };
}
