import { createHash } from "node:crypto";
import { TaskGroup } from "../../limits/index.ts";
import { openDownload } from "../../transfer/index.ts";
import { type Outcome, syncStatus } from "../outcome.ts";
import type { SyncProgress } from "../progress/index.ts";
import { Report } from "../report/index.ts";
import type { ListedObject, Repository } from "../repository/index.ts";
import { runOutcome } from "./run-outcome.ts";
import { joinScope, type SyncScope } from "./scope.ts";

/** How the contents of two objects were found to be equal or not. */
type Finding = { readonly isEqual: boolean; readonly why: string };

/**
 * Compares the content of every object that the selection wants: by the digests that listings tell where both sides
 * have one, else by reading. Changes nothing.
 */
export async function verifySync(
  scope: SyncScope,
  { transfers, progress }: { readonly transfers: number; readonly progress: SyncProgress },
  signal: AbortSignal,
): Promise<{ readonly report: Report; readonly outcome: Outcome }> {
  const { source, target, rules } = scope;
  const report = new Report("sync verify", source.name, target.name);
  const group = new TaskGroup(transfers, signal);
  try {
    for await (const pairs of joinScope(scope, undefined, group.signal)) {
      for (const pair of pairs) {
        const object = pair.source ?? pair.target;
        if (object === undefined) continue;
        const { isWanted, workflow, why } = rules.selection.judge(object);
        if (!isWanted) report.note("skipped", object, workflow, why);
        else if (pair.source === undefined) report.note("kept", object, workflow, "only the target has it");
        else if (pair.target === undefined)
          differ(report, "missing", pair.source, "the target does not have it", workflow);
        else {
          progress.noteFound(object.sizeBytes);
          await group.start((either) => check(pair as Both, workflow, either));
        }
      }
    }
    progress.noteListed();
    await group.settle();
  } catch (error) {
    await group.cancel(error);
    throw error;
  }
  return { report, outcome: verifyOutcome(report) };

  async function check(pair: Both, workflow: string | undefined, either: AbortSignal): Promise<void> {
    try {
      const { isEqual, why } = await compareContent(pair, { source, target }, either);
      if (isEqual) report.note("equal", pair.source, workflow, why);
      else differ(report, "different", pair.source, why, workflow);
    } catch (error) {
      if (either.aborted) throw error;
      report.fail(pair.source, error, workflow);
    } finally {
      progress.noteDone(pair.source.sizeBytes);
    }
  }
}

type Both = { readonly [Side in "source" | "target"]: ListedObject };

function differ(
  report: Report,
  deed: "missing" | "different",
  object: ListedObject,
  why: string,
  workflow: string | undefined,
): void {
  const { key, sizeBytes } = object;
  report.note(deed, object, workflow, why);
  report.tell({ deed, key, workflow, sizeBytes, why, isPassing: true });
}

async function compareContent(
  { source: ours, target: theirs }: Both,
  { source, target }: { readonly source: Repository; readonly target: Repository },
  signal: AbortSignal,
): Promise<Finding> {
  if (ours.sizeBytes !== theirs.sizeBytes) return { isEqual: false, why: "size differs" };
  if (ours.md5 !== undefined && ours.md5 === theirs.md5) return { isEqual: true, why: "digest is equal" };
  // One side's digest saves reading it; where it differs, it may be no digest of the content after all.
  const [known, unknown] =
    ours.md5 === undefined
      ? [theirs, { repository: source, object: ours }]
      : [ours, { repository: target, object: theirs }];
  if (known.md5 !== undefined && unknown.object.md5 === undefined) {
    const md5 = await digestOf("md5", unknown.repository, unknown.object, signal);
    if (md5 === known.md5) return { isEqual: true, why: "digest is equal" };
  }
  const [a, b] = await Promise.all([
    digestOf("sha256", source, ours, signal),
    digestOf("sha256", target, theirs, signal),
  ]);
  return { isEqual: a === b, why: a === b ? "bytes are equal" : "bytes differ" };
}

/** Reads the object, which its own store's digest checks, too. */
async function digestOf(
  name: "md5" | "sha256",
  { store, channel }: Repository,
  object: ListedObject,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash(name);
  for await (const chunk of openDownload(store, object, channel, signal)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

function verifyOutcome(report: Report): Outcome {
  const wrong = report.tally("different").objects + report.tally("missing").objects;
  if (report.tally("failed").objects > 0) return runOutcome(report);
  const equal = report.tally("equal").objects;
  if (wrong === 0)
    return { status: syncStatus.done, advice: `verified: ${equal} objects have the same content` };
  return {
    status: syncStatus.retry,
    advice: `${report.tally("missing").objects} are missing and ${report.tally("different").objects} differ (${equal} are equal); sync run with the same arguments mends it`,
  };
}
