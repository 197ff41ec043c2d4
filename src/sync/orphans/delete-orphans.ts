import { inBatches, mapAhead } from "../../limits/index.ts";
import type { Report } from "../report/index.ts";
import type { WorkflowRecord } from "../workflows/index.ts";
import { type JudgeOptions, judge } from "./judge.ts";
import type { OrphanRepository, StoredObject } from "./repository.ts";
import type { Candidate } from "./scan.ts";
import { Tallies } from "./tally.ts";

export interface Deletion {
  readonly report: Report;
  readonly repository: OrphanRepository;
  readonly judging: JudgeOptions;
  /** Workflows that came into being since the inventory; asked before each batch. */
  newWorkflows(signal: AbortSignal): AsyncIterable<WorkflowRecord>;
}

export interface DeletionOutcome {
  /** `deleted`, `gone`, `changed`, `kept`, `failed`. */
  readonly counts: Tallies;
}

const batchSize = 500;
const looksAhead = 16;
/** The words of reports. */
const stayingBecause = {
  gone: "gone already",
  changed: "changed since it was listed",
  kept: "no orphan any more",
} as const;

/**
 * Deletes candidates of a list that are orphans still, in batches. Before each one, workflows that are new by then get
 * their claims, and each object is looked at again: one that has changed since it was listed stays. Ends with the first
 * error that is not one object's own, and what is not deleted by then stays.
 */
export async function deleteOrphans(
  candidates: AsyncIterable<Candidate>,
  deletion: Deletion,
  signal: AbortSignal,
): Promise<DeletionOutcome> {
  const outcome = { counts: new Tallies() };
  for await (const batch of inBatches(candidates, batchSize)) {
    for await (const workflow of deletion.newWorkflows(signal)) deletion.judging.claims.addWorkflow(workflow);
    await deleteBatch(batch, deletion, outcome, signal);
  }
  return outcome;
}

async function deleteBatch(
  batch: readonly Candidate[],
  { repository, judging, report }: Deletion,
  outcome: DeletionOutcome,
  signal: AbortSignal,
): Promise<void> {
  const doomed = new Map<string, Candidate>();
  const looked = mapAhead(batch, looksAhead, async (candidate) => {
    const now = await repository.head(candidate.key, signal);
    return { candidate, now };
  });
  for await (const { candidate, now } of looked) {
    const stays = reasonToStay(candidate, now, judging);
    if (stays === undefined) doomed.set(candidate.key, candidate);
    else {
      outcome.counts.add(stays, candidate.sizeBytes);
      report.note("kept", candidate, candidate.workflow, stayingBecause[stays]);
    }
  }
  if (doomed.size === 0) return;
  const failures = await repository.delete([...doomed.keys()], signal);
  for (const [key, { sizeBytes, workflow }] of doomed) {
    const failure = failures.get(key);
    outcome.counts.add(failure ? "failed" : "deleted", sizeBytes);
    if (failure) report.fail({ key, sizeBytes }, failure, workflow);
    else report.note("deleted", { sizeBytes }, workflow);
  }
}

/** Undefined: it goes. */
function reasonToStay(
  candidate: Candidate,
  now: StoredObject | undefined,
  judging: JudgeOptions,
): "gone" | "changed" | "kept" | undefined {
  if (now === undefined) return "gone";
  if (!isUnchanged(candidate, now)) return "changed";
  const modifiedMs = now.modifiedMs ?? candidate.modifiedMs;
  return judge({ ...now, modifiedMs }, judging).kind === "kept" ? "kept" : undefined;
}

/** The same size and the same tag; where a store has no tags, the same time. What cannot be told has changed. */
function isUnchanged(listed: StoredObject, now: StoredObject): boolean {
  if (listed.sizeBytes !== now.sizeBytes) return false;
  if (listed.etag !== undefined && now.etag !== undefined) return listed.etag === now.etag;
  return listed.modifiedMs !== undefined && listed.modifiedMs === now.modifiedMs;
}
