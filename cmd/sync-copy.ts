import { writeFile } from "node:fs/promises";
import { ContentTypes } from "../src/artifacts/index.ts";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import type { SyncScope } from "../src/sync/copy/index.ts";
import { allOf, type Outcome, Pace, type Repository } from "../src/sync/index.ts";
import { Journal, journalId, journalInFile, journalInTarget } from "../src/sync/journal/index.ts";
import { progressBar, progressFile, progressLines, SyncProgress } from "../src/sync/progress/index.ts";
import type { Report } from "../src/sync/report/index.ts";
import { type FlagValues, numberFlag, sizeFlag, textFlag, wholeFlag } from "./flags.ts";
import { readMaxDelete, reportPaths, type SyncCall, type SyncSubcommand, tellReport } from "./sync-call.ts";
import { selectionFlags, selectionOf, selectionTexts } from "./sync-selection.ts";
import { checkSince, type Since, sinceOf } from "./sync-since.ts";

/** What plan, run and verify have in common. */
const copyFlags = {
  ...selectionFlags,
  prefix: { type: "string" },
  delete: { type: "boolean" },
  bandwidth: { type: "string" },
  "requests-per-second": { type: "string" },
  report: { type: "string", multiple: true },
  shards: { type: "string" },
  shard: { type: "string" },
  since: { type: "string" },
} as const;

const transferFlags = { transfers: { type: "string" } } as const;
const transfersDefault = 64;

/** `sync plan SOURCE TARGET`: what `run` would do. */
export const planCommand: SyncSubcommand = {
  flags: { ...copyFlags, "shards-out": { type: "string" } },
  run: (call) =>
    withBoth(call, async (scope) => {
      const { planSync, ShardPlanner } = await import("../src/sync/copy/index.ts");
      const file = textFlag(call.line.flags, "shards-out");
      const planner = file === undefined ? undefined : new ShardPlanner(shardCount(call.line.flags) ?? 8);
      const planned = await planSync(scope, planner, call.stop);
      await lookUp(call, scope, planned.report);
      if (file !== undefined) await writeFile(file, JSON.stringify(planner?.shards()));
      return planned;
    }),
};

/** `sync run SOURCE TARGET`: copies. */
export const runCommand: SyncSubcommand = {
  flags: {
    ...copyFlags,
    ...transferFlags,
    "max-delete": { type: "string" },
    journal: { type: "string" },
    threads: { type: "string" },
    "copy-in-parts-from": { type: "string" },
    "look-up": { type: "boolean" },
    "abort-uploads": { type: "string" },
  },
  run: (call) => {
    const { flags } = call.line;
    const settings = {
      transfers: numberFlag(flags, "transfers") ?? transfersDefault,
      threads: numberFlag(flags, "threads") ?? 4,
      copyBytesMax: sizeFlag(flags, "copy-in-parts-from") ?? Number.POSITIVE_INFINITY,
      deletionsMax: readMaxDelete(call),
      temporaryFolder: call.temporaryFolder,
      contentType: contentTypes(),
    };
    return withBoth(call, async (scope, since) => {
      const { runSync } = await import("../src/sync/copy/index.ts");
      await giveUpUploads(call, scope.target);
      using progress = await openProgress(call);
      const journal = scope.places === undefined ? openJournal(call, scope) : undefined;
      const ran = await runSync(scope, settings, { journal, progress, cursor: since?.cursor }, call.stop);
      if (flags["look-up"] === true) await lookUp(call, scope, ran.report);
      if (since !== undefined && ran.report.cursor !== undefined)
        await keepCursor(call, since, ran.report.cursor);
      return ran;
    });
  },
};

/** `sync verify SOURCE TARGET`: compares content. */
export const verifyCommand: SyncSubcommand = {
  flags: { ...copyFlags, ...transferFlags },
  run: (call) => {
    const transfers = numberFlag(call.line.flags, "transfers") ?? transfersDefault;
    return withBoth(call, async (scope) => {
      const { verifySync } = await import("../src/sync/copy/index.ts");
      using progress = await openProgress(call);
      return await verifySync(scope, { transfers, progress }, call.stop);
    });
  },
};

type Work = (
  scope: SyncScope,
  since: Since | undefined,
) => Promise<{ readonly report: Report; readonly outcome: Outcome }>;

/** Opens both repositories, works, and hands out the report: on standard output, and to the files that were named. */
async function withBoth(call: SyncCall, work: Work): Promise<Outcome> {
  const [from, to, ...others] = call.line.positionals;
  if (from === undefined || to === undefined || others.length > 0) {
    throw new ExecutorError("BadRequest", "give two repositories: argoexec sync COMMAND SOURCE TARGET");
  }
  const { flags } = call.line;
  checkSince(flags);
  const reports = reportPaths(call);
  const pace = new Pace({
    requestsPerSecond: numberFlag(flags, "requests-per-second"),
    bytesPerSecond: sizeFlag(flags, "bandwidth"),
  });
  await using source = await call.openRepository(from, "source", pace);
  await using target = await call.openRepository(to, "target", pace);
  expectDifferent(source, target);
  const share = await shareOf(flags, [source.prefix, target.prefix]);
  const range = { prefix: textFlag(flags, "prefix"), ...share.range };
  const since = await sinceOf(call, { source, target, range });
  const selection = allOf(
    ...share.selections,
    await selectionOf(call, [source, target], since?.changed?.changes),
  );
  const rules = { selection, deletes: flags.delete === true };
  call.begin();
  const { report, outcome } = await work(
    { source, target, range, rules, places: since?.changed?.places },
    since,
  );
  if (since !== undefined) report.noteReason(since.summary);
  await tellReport(report, reports);
  return since === undefined ? outcome : { ...outcome, advice: `${outcome.advice} (${since.summary})` };
}

/** A cursor that cannot be kept costs the next run a listing, and nothing else. */
async function keepCursor(call: SyncCall, { place }: Since, cursor: string): Promise<void> {
  try {
    await place.write(cursor, call.stop);
  } catch (error) {
    call.log.warn({ cursor: place.name, error: errorText(error) }, "the cursor could not be written");
  }
}

/** What the stores say of the buckets is in the report, and in the log where a person sees it now. */
async function lookUp(call: SyncCall, scope: SyncScope, report: Report): Promise<void> {
  const { bucketWarnings } = await import("../src/sync/bucket/index.ts");
  report.warnings = await bucketWarnings(scope, call.stop);
  for (const warning of report.warnings) call.log.warn({}, warning);
}

async function giveUpUploads(call: SyncCall, target: Repository): Promise<void> {
  const text = textFlag(call.line.flags, "abort-uploads");
  if (text === undefined) return;
  const { ageMs } = await import("../src/sync/criteria/index.ts");
  const { abortUploads } = await import("../src/sync/bucket/index.ts");
  const { aborted, left } = await abortUploads(target, ageMs(text, "--abort-uploads"), call.stop);
  call.log.info({ aborted, left }, "Unfinished uploads of the target were given up");
}

/** The part of the work that `--shard` names: an item of a plan's list, or a number of `--shards`. */
async function shareOf(flags: FlagValues, prefixes: readonly string[]) {
  const text = textFlag(flags, "shard");
  if (text === undefined) return { selections: [], range: {} };
  const { parseShard, selectShard } = await import("../src/sync/copy/index.ts");
  if (!/^\d+$/.test(text)) return { selections: [], range: parseShard(text) };
  const count = shardCount(flags);
  if (count === undefined || Number(text) >= count) {
    throw new ExecutorError(
      "BadRequest",
      "--shard I needs --shards N, and is less than it: they count from 0",
    );
  }
  return { selections: [selectShard(Number(text), count, prefixes)], range: {} };
}

function shardCount(flags: FlagValues): number | undefined {
  const count = wholeFlag(flags, "shards");
  if (count === undefined || (count >= 1 && count <= 10_000)) return count;
  throw new ExecutorError("BadRequest", `--shards must be from 1 to 10000, not ${count}`);
}

/** A repository that is copied into itself would grow for ever. */
function expectDifferent(source: Repository, target: Repository): void {
  if (source.store.name !== target.store.name) return;
  if (!source.prefix.startsWith(target.prefix) && !target.prefix.startsWith(source.prefix)) return;
  throw new ExecutorError(
    "BadRequest",
    `${source.name} and ${target.name} lie in each other; give two that do not`,
  );
}

function openJournal(call: SyncCall, { source, target, range }: SyncScope): Journal {
  const { flags } = call.line;
  const what = [source.store.name, source.prefix, target.store.name, target.prefix, range];
  // Another selection is another errand: what one has not wanted, the other may.
  const id = journalId(...what, ...selectionTexts(flags), flags.shard, flags.shards);
  const file = textFlag(flags, "journal");
  const place = file === undefined ? journalInTarget(target, id) : journalInFile(file);
  const warn = (error: unknown) =>
    call.log.warn({ journal: place.name, error: String(error) }, "the journal could not be written");
  return new Journal(place, id, warn);
}

async function openProgress(call: SyncCall): Promise<SyncProgress> {
  const file = call.env.ARGO_PROGRESS_FILE;
  const isTerminal = process.stderr.isTTY === true && call.line.logFormat === "text";
  return new SyncProgress([
    isTerminal ? await progressBar(process.stderr) : progressLines(call.log),
    ...(file ? [progressFile(file, call.log)] : []),
  ]);
}

function contentTypes(): (key: string) => Promise<string> {
  const types = new ContentTypes();
  return (key) => types.of(key);
}
