import { isExecutorError } from "../../errors/index.ts";
import { TaskGroup } from "../../limits/index.ts";
import { type CopyDecision, decide, likenessOf, type Pair } from "../compare/index.ts";
import { HighWater, type Journal, type JournalState } from "../journal/index.ts";
import { type Outcome, syncStatus } from "../outcome.ts";
import type { SyncProgress } from "../progress/index.ts";
import { Report } from "../report/index.ts";
import type { ListedObject } from "../repository/index.ts";
import { Spool } from "../spool.ts";
import { BegunListing } from "./begun-listing.ts";
import { Copier, type CopyTools, isHopeless } from "./copy-object.ts";
import { deleteSuperfluous } from "./deletions.ts";
import { runOutcome } from "./run-outcome.ts";
import type { SyncScope } from "./scope.ts";

export interface RunSettings {
  /** Objects in flight. */
  readonly transfers: number;
  readonly threads: number;
  /** See CopyTools. */
  readonly copyBytesMax: number;
  /** Deletes nothing where there is more than this to delete. */
  readonly deletionsMax: number;
  readonly temporaryFolder: string;
  contentType: CopyTools["contentType"];
}

export interface RunTools {
  readonly journal: Journal | undefined;
  readonly progress: SyncProgress;
  /** Taken before anything was read: what changes from then on is the next run's (`--since`). */
  readonly cursor?: string | undefined;
}

/** So many failures one after the other, without a success between them, and the rest is not tried. */
const failuresInRowMax = 200;
const journalEveryMs = 5_000;

/**
 * Makes the target what the source is: copies what it lacks or has otherwise, and deletes what the rules say, when both
 * listings have come to their end and every copy is done. Failures of single objects are in the report and stop nothing
 * else. Goes on where the journal says that the last run stopped.
 * @throws what a listing throws: then nothing has been deleted
 */
export async function runSync(
  scope: SyncScope,
  settings: RunSettings,
  tools: RunTools,
  signal: AbortSignal,
): Promise<{ readonly report: Report; readonly outcome: Outcome }> {
  await using run = await SyncRun.open({ scope, settings, tools }, signal);
  return await run.finish(signal);
}

interface GivenRun {
  readonly scope: SyncScope;
  readonly settings: RunSettings;
  readonly tools: RunTools;
}

class SyncRun implements AsyncDisposable {
  readonly #scope: SyncScope;
  readonly #settings: RunSettings;
  readonly #tools: RunTools;
  readonly #report: Report;
  readonly #copier: Copier;
  readonly #superfluous: Spool<ListedObject & { readonly workflow?: string | undefined }>;
  readonly #listing: BegunListing;
  readonly #startedAt: string;
  readonly #cursor: string | undefined;
  readonly #water: HighWater;
  #isSourceEmpty = true;
  #failuresInRow = 0;
  #notedAtMs = performance.now();

  private constructor(given: GivenRun, listing: BegunListing, from: JournalState) {
    const { scope, settings, tools } = given;
    this.#scope = scope;
    this.#settings = settings;
    this.#tools = tools;
    this.#listing = listing;
    this.#startedAt = from.startedAt;
    this.#cursor = from.cursor;
    this.#water = new HighWater(from.after);
    this.#report = new Report("sync run", scope.source.name, scope.target.name);
    const { source, target } = scope;
    this.#copier = new Copier({
      source,
      target,
      threads: settings.threads,
      copyBytesMax: settings.copyBytesMax,
      contentType: settings.contentType,
    });
    this.#superfluous = new Spool(settings.temporaryFolder);
  }

  /** The listings begin while the journal is asked for: most often nothing was left to go on with. */
  static async open(given: GivenRun, signal: AbortSignal): Promise<SyncRun> {
    const { scope, tools } = given;
    let listing = new BegunListing(scope, undefined, signal);
    try {
      const left = await tools.journal?.open(signal);
      // What is superfluous must be known from the first key on.
      const after = scope.rules.deletes ? undefined : left?.after;
      if (after === undefined || left === undefined)
        return new SyncRun(given, listing, {
          startedAt: new Date().toISOString(),
          after,
          cursor: tools.cursor,
        });
      await listing.close();
      listing = new BegunListing(scope, after, signal);
      // What was done before was done by what was there then.
      const run = new SyncRun(given, listing, left);
      run.#report.noteReason(
        `went on behind ${JSON.stringify(after)}, where the run of ${left.startedAt} stopped`,
      );
      return run;
    } catch (error) {
      await listing.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listing.close();
    await this.#superfluous[Symbol.asyncDispose]();
  }

  async finish(signal: AbortSignal) {
    const group = new TaskGroup(this.#settings.transfers, signal);
    group.signal.addEventListener("abort", () => this.#listing.stop(group.signal.reason), { once: true });
    try {
      for await (const pairs of this.#listing.pages()) {
        for (const pair of pairs) await this.#handle(pair, group);
        this.#noteJournal(signal);
      }
      this.#tools.progress.noteListed();
      await group.settle();
    } catch (error) {
      await group.cancel(error);
      await this.#leaveJournal();
      throw error;
    }
    const limits = { deletionsMax: this.#settings.deletionsMax, isSourceEmpty: this.#isSourceEmpty };
    await deleteSuperfluous(this.#scope, this.#superfluous, limits, this.#report, signal);
    // What failed is looked for from the beginning next time: it may lie anywhere.
    await this.#tools.journal?.close(signal);
    const outcome = runOutcome(this.#report);
    if (outcome.status === syncStatus.done) this.#report.cursor = this.#cursor;
    return { report: this.#report, outcome };
  }

  async #handle(pair: Pair, group: TaskGroup): Promise<void> {
    if (pair.source !== undefined) this.#isSourceEmpty = false;
    const decision = decide(pair, this.#scope.rules);
    if (decision === undefined) return;
    if ("source" in decision) {
      const { key, sizeBytes } = decision.source;
      this.#tools.progress.noteFound(sizeBytes);
      this.#water.begin(key);
      await group.start((signal) => this.#copy(decision, signal));
      return;
    }
    const { deed, object, workflow, why } = decision;
    if (deed === "deleted") await this.#superfluous.add({ ...object, workflow });
    else this.#report.note(deed, object, workflow, why);
    if (pair.source !== undefined) this.#water.pass(pair.source.key);
  }

  async #copy(decision: CopyDecision, signal: AbortSignal): Promise<void> {
    const { source: object, workflow } = decision;
    try {
      const deed = await this.#copyNow(decision, signal);
      this.#report.note(deed.deed, object, workflow, deed.why);
      this.#failuresInRow = 0;
      this.#water.end(object.key, true);
    } catch (error) {
      // Told to stop: it has not failed, it has not been done.
      if (signal.aborted) throw error;
      this.#report.fail(object, error, workflow);
      this.#failuresInRow += 1;
      this.#water.end(object.key, false);
      if (this.#failuresInRow >= failuresInRowMax && !isHopeless(error)) throw error;
    } finally {
      this.#tools.progress.noteDone(object.sizeBytes);
    }
  }

  async #copyNow(
    decision: CopyDecision,
    signal: AbortSignal,
  ): Promise<{ readonly deed: "copied" | "replaced" | "equal" | "skipped"; readonly why: string }> {
    const { deed, source: object, why } = decision;
    if (decision.isDoubtful && (await this.#isEqualAfterAll(decision, signal))) {
      return { deed: "equal", why: "as large, and stored later" };
    }
    const way = await this.#copier.copy(object, signal);
    if (way === "gone from the source") return { deed: "skipped", why: way };
    this.#report.noteReason(way);
    return { deed, why };
  }

  /** Asks each store whether its tag is a digest at all; if one is not, the listing's times decide. */
  async #isEqualAfterAll(
    { source: object, target, areTimesExact }: CopyDecision,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (target === undefined) return false;
    try {
      const [ours, theirs] = await Promise.all([
        this.#scope.source.head(object.key, signal),
        this.#scope.target.head(target.key, signal),
      ]);
      if (ours === undefined || theirs === undefined) return false;
      if (ours.md5 !== undefined && theirs.md5 !== undefined) return false;
      const { md5: _ours, ...before } = object;
      const { md5: _theirs, ...after } = target;
      return likenessOf(before, after, areTimesExact).isEqual;
    } catch (error) {
      if (isExecutorError(error, "Forbidden", "Unauthorized")) return false;
      throw error;
    }
  }

  get #state() {
    return { startedAt: this.#startedAt, after: this.#water.mark, cursor: this.#cursor };
  }

  #noteJournal(signal: AbortSignal): void {
    const nowMs = performance.now();
    if (nowMs - this.#notedAtMs < journalEveryMs) return;
    this.#notedAtMs = nowMs;
    this.#tools.journal?.note(this.#state, signal);
  }

  /** The signal has fired; a moment for the journal there is all the same. */
  async #leaveJournal(): Promise<void> {
    await this.#tools.journal?.leave(this.#state, AbortSignal.timeout(10_000));
  }
}
