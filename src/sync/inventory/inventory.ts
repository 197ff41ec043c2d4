import { ExecutorError } from "../../errors/index.ts";
import type { KubeClient } from "../../kube/index.ts";
import {
  archivedWorkflows,
  clusterWorkflows,
  collectedKeys,
  hydratedWorkflow,
  manifestWorkflows,
  type OtherOwner,
  otherOwners,
  type WorkflowRecord,
  workflowTitle,
} from "../workflows/index.ts";

/** Where workflows are read; each source whole, or the whole is an error. */
export interface InventorySources {
  /** Undefined: the cluster is not asked. */
  readonly cluster: KubeClient | undefined;
  /** The Argo server, for archived workflows; undefined: it is not asked. */
  readonly archive: KubeClient | undefined;
  /** Files of manifests. */
  readonly files: readonly string[];
  /** Empty: all. */
  readonly namespaces: readonly string[];
}

/** What was read, as far as it tells whether that is all there is. */
export interface InventoryFacts {
  readonly live: number;
  readonly archived: number;
  readonly fromFiles: number;
  readonly running: number;
  /** Live workflows that the controller says it has archived. */
  readonly archivedByLabel: number;
  /** Workflows whose nodes cannot be known, with the reason; the first hundred. */
  readonly unknown: readonly string[];
  readonly unknownCount: number;
  /** uids of the live ones. */
  readonly liveUids: ReadonlySet<string>;
}

/** What takes in what an inventory finds. */
export interface InventoryReader {
  workflow(record: WorkflowRecord): void;
  /** Templates, caches and tasks of artifact GC; absent: they are not read. */
  other?(owner: OtherOwner): void;
  /** Keys that tasks of artifact GC are about to delete, for those who need nothing else of `other`. */
  collected?(key: string): void;
}

const unknownShown = 100;
/** `workflow-archiving-status` of what lies in an archive; `Pending` and absent do not. */
const archivedStates = ["Archived", "Persisted"];

/**
 * Reads every workflow that there is. The cluster goes before its archive: a workflow that ends in between is archived
 * before it is deleted, and so is found here or there.
 */
export async function readInventory(
  sources: InventorySources,
  reader: InventoryReader,
  signal: AbortSignal,
): Promise<InventoryFacts> {
  const counts = { live: 0, archived: 0, fromFiles: 0, running: 0, archivedByLabel: 0 };
  const unknown: string[] = [];
  let unknownCount = 0;
  const liveUids = new Set<string>();
  for await (const { record, count } of workflowsOf(sources, signal)) {
    signal.throwIfAborted();
    counts[count] += 1;
    if (record.isRunning) counts.running += 1;
    if (count === "live") {
      liveUids.add(record.uid);
      if (archivedStates.includes(record.archivingStatus)) counts.archivedByLabel += 1;
    }
    if (record.unknownBecause !== undefined) {
      unknownCount += 1;
      if (unknown.length < unknownShown) unknown.push(`${workflowTitle(record)}: ${record.unknownBecause}`);
    }
    reader.workflow(record);
  }
  if (sources.cluster) {
    const cluster = { client: sources.cluster, namespaces: sources.namespaces };
    if (reader.other) for await (const owner of otherOwners(cluster, signal)) reader.other(owner);
    if (reader.collected) for await (const key of collectedKeys(cluster, signal)) reader.collected(key);
  }
  return { ...counts, unknown, unknownCount, liveUids };
}

type Counted = {
  readonly record: WorkflowRecord;
  readonly count: "live" | "archived" | "fromFiles";
};

async function* workflowsOf(sources: InventorySources, signal: AbortSignal): AsyncGenerator<Counted> {
  const { cluster, archive, files, namespaces } = sources;
  if (!cluster && !archive && files.length === 0) {
    throw new ExecutorError("BadRequest", "no source of workflows is given: a cluster, an archive or a file");
  }
  if (cluster) {
    for await (const record of clusterWorkflows({ client: cluster, namespaces }, signal)) {
      const isKnown = record.unknownBecause === undefined || archive === undefined;
      const whole = isKnown ? record : await hydratedWorkflow(archive, record, signal);
      yield { record: whole ?? record, count: "live" };
    }
  }
  if (archive) {
    for await (const record of archivedWorkflows({ client: archive, namespaces }, signal)) {
      yield { record, count: "archived" };
    }
  }
  for (const file of files) {
    for await (const record of manifestWorkflows(file)) yield { record, count: "fromFiles" };
  }
}
