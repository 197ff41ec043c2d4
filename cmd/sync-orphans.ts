import { ExecutorError } from "../src/errors/index.ts";
import { type Outcome, Report, selectKeys, syncStatus } from "../src/sync/index.ts";
import type { DeletionReport, OrphanReport, OrphanSearch } from "../src/sync/orphans/index.ts";
import { type FlagValues, textFlag, textsFlag, wholeFlag } from "./flags.ts";
import {
  onlyPositional,
  readMaxDelete,
  reportPaths,
  type SyncCall,
  type SyncSubcommand,
  tellReport,
} from "./sync-call.ts";
import { openSources, workflowFlags } from "./sync-workflows.ts";

const orphansFlags = {
  ...workflowFlags,
  list: { type: "string" },
  delete: { type: "boolean" },
  "max-delete": { type: "string" },
  "older-than": { type: "string" },
  "key-format": { type: "string", multiple: true },
  exclusive: { type: "boolean" },
  workflow: { type: "string", multiple: true },
  include: { type: "string", multiple: true },
  exclude: { type: "string", multiple: true },
  retain: { type: "string", multiple: true },
  "keep-last": { type: "string" },
  "accept-no-workflows": { type: "boolean" },
  "accept-fewer-workflows": { type: "boolean" },
  report: { type: "string", multiple: true },
} as const;

/** Objects younger than this may be of a step whose report is on its way. */
const olderThanDefault = "24h";

/** `sync orphans REPOSITORY`: what belongs to no workflow, and what is lost; deletes from a list made before. */
export const orphansCommand: SyncSubcommand = {
  flags: orphansFlags,
  async run(call) {
    const { flags } = call.line;
    const text = onlyPositional(call, "repository", "orphans REPOSITORY");
    const list = textFlag(flags, "list");
    if (flags.delete === true && list === undefined) {
      throw new ExecutorError(
        "BadRequest",
        "--delete needs --list FILE, which a run without --delete has written",
      );
    }
    const maxDelete = readMaxDelete(call);
    const reports = reportPaths(call);
    const settings = await readSettings(flags);
    await using repository = await call.openRepository(text, "source");
    await using open = await openSources(call);
    const { deleteListed, findOrphans, orphanRepository } = await import("../src/sync/orphans/index.ts");
    const report = new Report("sync orphans", undefined, repository.name);
    const [keyFormat, ...formerKeyFormats] = textsFlag(flags, "key-format");
    const search: OrphanSearch = {
      ...settings,
      report,
      repository: orphanRepository(repository, keyFormat),
      sources: open.sources,
      formerKeyFormats,
      isExclusive: flags.exclusive === true,
      selection: await selectionOf(flags, repository.prefix),
    };
    call.begin();
    if (flags.delete !== true || list === undefined) {
      const found = await findOrphans(search, list, call.stop);
      tellFacts(call, found);
      await tellReport(report, reports);
      return foundOutcome(report, found, list);
    }
    const confirmed = {
      acceptNoWorkflows: flags["accept-no-workflows"] === true,
      acceptFewerWorkflows: flags["accept-fewer-workflows"] === true,
      withoutArchive: flags["without-archive"] === true,
      withoutCluster: flags["without-cluster"] === true,
      maxDelete,
    };
    const deletion = await deleteListed(search, list, confirmed, call.stop);
    await tellReport(report, reports);
    return deletedOutcome(report, deletion);
  },
};

async function readSettings(flags: FlagValues): Promise<Pick<OrphanSearch, "olderThanMs" | "retention">> {
  const { ageMs } = await import("../src/sync/criteria/index.ts");
  const { readRetention } = await import("../src/sync/orphans/index.ts");
  const rules = textsFlag(flags, "retain");
  const keepLast = wholeFlag(flags, "keep-last") ?? 0;
  return {
    olderThanMs: ageMs(textFlag(flags, "older-than") ?? olderThanDefault, "--older-than"),
    retention: rules.length === 0 && keepLast === 0 ? undefined : readRetention(rules, keepLast),
  };
}

/** `--include` is for keys that nothing else says a workflow made. */
async function selectionOf(flags: FlagValues, prefix: string): Promise<OrphanSearch["selection"]> {
  const { globs } = await import("../src/sync/globs/index.ts");
  const [include, exclude] = [textsFlag(flags, "include"), textsFlag(flags, "exclude")];
  const included = await selectKeys({ include, exclude: [] }, [prefix]);
  const excluded = await selectKeys({ include: exclude, exclude: [] }, [prefix]);
  const matches = await globs(textsFlag(flags, "workflow"), "--workflow");
  const judged = (key: string) => ({ key, sizeBytes: 0 });
  return {
    includes: (key) => include.length > 0 && included.judge(judged(key)).isWanted,
    excludes: (key) => exclude.length > 0 && excluded.judge(judged(key)).isWanted,
    selectsWorkflow: (workflow) =>
      matches === undefined || matches(workflow) || matches(workflow.slice(workflow.indexOf("/") + 1)),
  };
}

function tellFacts(call: SyncCall, { facts, totals }: OrphanReport): void {
  const { live, archived, fromFiles, running, unknownCount } = facts;
  call.log.info({ live, archived, fromFiles, running, unknown: unknownCount }, "workflows read");
  for (const problem of facts.unknown) call.log.warn({ problem }, "the nodes of a workflow cannot be known");
  for (const [why, { objects }] of totals.uncertain.entries().slice(0, 20)) {
    call.log.warn({ objects, why }, "objects kept");
  }
}

function foundOutcome(report: Report, found: OrphanReport, list: string | undefined): Outcome {
  const { objects, bytes } = report.tally("orphan");
  const lost = found.missingCount === 0 ? "" : `; ${found.missingCount} outputs are gone, see the report`;
  const next =
    objects === 0
      ? ""
      : list === undefined
        ? "; --list FILE writes them down, which a deletion asks for"
        : `; look through ${list}, then delete them with --delete --list ${list}`;
  return {
    status: syncStatus.done,
    advice: `${objects} objects (${bytes} bytes) belong to no workflow${lost}${next}`,
  };
}

function deletedOutcome(report: Report, { refused }: DeletionReport): Outcome {
  if (refused !== undefined) {
    return { status: syncStatus.act, advice: `nothing was deleted: ${refused.join("; ")}` };
  }
  const [deleted, kept, failed] = [report.tally("deleted"), report.tally("kept"), report.tally("failed")];
  const counts = `${deleted.objects} objects (${deleted.bytes} bytes) deleted, ${kept.objects} kept`;
  if (failed.objects === 0) return { status: syncStatus.done, advice: counts };
  return report.needsAction
    ? { status: syncStatus.act, advice: `${counts}, ${failed.objects} cannot be deleted: see the report` }
    : { status: syncStatus.retry, advice: `${counts}, ${failed.objects} failed: run the same command again` };
}
