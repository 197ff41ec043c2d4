import { type InventoryFacts, type InventorySources, readInventory } from "../inventory/index.ts";
import type { Report } from "../report/index.ts";
import { newWorkflows, type WorkflowRecord } from "../workflows/index.ts";
import { Claims, type ClaimsOptions } from "./claims.ts";
import { type DeletionOutcome, deleteOrphans } from "./delete-orphans.ts";
import { ExpectedOutputs, type MissingOutput } from "./expected-outputs.ts";
import { type Confirmations, refusals } from "./interlocks.ts";
import type { JudgeOptions } from "./judge.ts";
import { type ListHeader, readListHeader, readOrphanList, writeOrphanList } from "./orphan-list.ts";
import type { OrphanRepository } from "./repository.ts";
import { expiredWorkflows, type Retention } from "./retention.ts";
import { newTotals, type ScanTotals, scan } from "./scan.ts";

/** What is looked for, and where. */
export interface OrphanSearch {
  /** Counts what is found, or what is done. */
  readonly report: Report;
  readonly repository: OrphanRepository;
  readonly sources: InventorySources;
  /** Formats that the repository had before, besides its own. */
  readonly formerKeyFormats: readonly string[];
  /** The repository is used by the namespaces that are read, and by no other. */
  readonly isExclusive: boolean;
  /** Objects younger than this stay. */
  readonly olderThanMs: number;
  readonly retention: Retention | undefined;
  readonly selection: Pick<JudgeOptions, "includes" | "excludes" | "selectsWorkflow">;
}

export interface OrphanReport {
  readonly facts: InventoryFacts;
  readonly totals: ScanTotals;
  readonly expectedOutputs: number;
  readonly outputsElsewhere: number;
  readonly missing: readonly MissingOutput[];
  readonly missingCount: number;
}

const missingShown = 1000;

/**
 * Looks for objects that belong to no workflow, and for outputs without their object; writes the list that a later
 * deletion asks for. Nothing is changed in the store.
 */
export async function findOrphans(
  search: OrphanSearch,
  listPath: string | undefined,
  signal: AbortSignal,
): Promise<OrphanReport> {
  const { repository } = search;
  const expected = new ExpectedOutputs(repository);
  const { judging, facts } = await takeStock(search, (record) => expected.addWorkflow(record), signal);
  const totals = newTotals();
  const candidates = scan(repository, judging, { totals, expected, report: search.report }, signal);
  if (listPath === undefined) for await (const _ of candidates);
  else await writeOrphanList(listPath, headerOf(repository, facts), candidates);
  const missing: MissingOutput[] = [];
  let missingCount = 0;
  for await (const output of expected.missing(signal)) {
    missingCount += 1;
    if (missing.length < missingShown) missing.push(output);
    search.report.note("lost", { sizeBytes: 0 }, output.workflow);
    search.report.tell({
      deed: "lost",
      ...output,
      why: "its workflow names it, and it is gone",
      isPassing: false,
    });
  }
  const { count: expectedOutputs, elsewhere: outputsElsewhere } = expected;
  return { facts, totals, expectedOutputs, outputsElsewhere, missing, missingCount };
}

/** Either nothing was done, and why, or what was. */
export type DeletionReport =
  | {
      readonly refused: readonly string[];
      readonly outcome?: undefined;
      readonly facts: InventoryFacts;
    }
  | { readonly refused?: undefined; readonly facts: InventoryFacts; readonly outcome: DeletionOutcome };

/** Deletes what a list of an earlier run names, as far as it is an orphan still (interlocks.ts). */
export async function deleteListed(
  search: OrphanSearch,
  listPath: string,
  confirmed: Confirmations,
  signal: AbortSignal,
): Promise<DeletionReport> {
  const { repository, sources } = search;
  const header = await readListHeader(listPath);
  const { judging, facts } = await takeStock(search, () => {}, signal);
  let candidates = 0;
  for await (const _ of readOrphanList(listPath)) candidates += 1;
  const situation = {
    facts,
    readsCluster: sources.cluster !== undefined,
    readsArchive: sources.archive !== undefined,
    listedWorkflows: header.workflows,
    candidates,
  };
  const refused = [...otherRepository(header, repository), ...refusals(situation, confirmed)];
  if (refused.length > 0) return { refused, facts };
  const known = new Set(facts.liveUids);
  const deletion = {
    repository,
    judging,
    report: search.report,
    newWorkflows: (signal: AbortSignal) => newcomers(sources, known, signal),
  };
  return { facts, outcome: await deleteOrphans(readOrphanList(listPath), deletion, signal) };
}

/** Reads all that claims keys, and decides whose retention has ended. */
async function takeStock(
  search: OrphanSearch,
  onWorkflow: (record: WorkflowRecord) => void,
  signal: AbortSignal,
): Promise<{ readonly judging: JudgeOptions; readonly facts: InventoryFacts }> {
  const { repository, sources, formerKeyFormats, isExclusive, retention, selection } = search;
  const options: ClaimsOptions = {
    repository,
    keyFormats: [repository.keyFormat, ...formerKeyFormats],
    onlyNamespaces: sources.namespaces.length === 0 || isExclusive ? undefined : sources.namespaces,
  };
  const claims = new Claims(options);
  const writtenBeforeMs = Date.now() - search.olderThanMs;
  const records: WorkflowRecord[] = [];
  const workflow = (record: WorkflowRecord) => {
    onWorkflow(record);
    // Who is the last of N is known when all are there.
    if (retention) records.push(record);
    else claims.addWorkflow(record);
  };
  const facts = await readInventory(sources, { workflow, other: (owner) => claims.addOther(owner) }, signal);
  if (!retention) return { facts, judging: { ...selection, claims, writtenBeforeMs } };
  const over = expiredWorkflows(records, retention, Date.now());
  const expired = new Claims(options);
  for (const record of records) {
    if (!over.has(record)) claims.addWorkflow(record);
    else addExpired(record, claims, expired);
  }
  return { facts, judging: { ...selection, claims, expired, writtenBeforeMs } };
}

/** What is to be kept for ever, and what came from others, stays claimed. */
function addExpired(record: WorkflowRecord, claims: Claims, expired: Claims): void {
  const isKept = ({ strategy, role }: WorkflowRecord["artifacts"][number]) =>
    strategy === "Never" || role === "input";
  const produced = new Set(record.artifacts.filter((each) => each.role !== "input").map(({ key }) => key));
  const title = `${record.namespace}/${record.name}`;
  for (const artifact of record.artifacts) {
    // An input that the same workflow has made is no one else's.
    if (isKept(artifact) && !(artifact.role === "input" && produced.has(artifact.key)))
      claims.addArtifact(artifact, title);
  }
  expired.addWorkflow({ ...record, artifacts: record.artifacts.filter((artifact) => !isKept(artifact)) });
}

async function* newcomers(
  { cluster, namespaces }: InventorySources,
  known: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRecord> {
  if (!cluster) return;
  for await (const workflow of newWorkflows({ client: cluster, namespaces }, known, signal)) {
    known.add(workflow.uid);
    yield workflow;
  }
}

function headerOf({ title }: OrphanRepository, { live, archived, fromFiles }: InventoryFacts): ListHeader {
  return { repository: title, made: new Date().toISOString(), workflows: live + archived + fromFiles };
}

function otherRepository(header: ListHeader, { title }: OrphanRepository): readonly string[] {
  if (header.repository === title) return [];
  return [
    `the list was made for ${header.repository}, and this is ${title}: make a list for this repository`,
  ];
}
