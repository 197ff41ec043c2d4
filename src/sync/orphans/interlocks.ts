import type { InventoryFacts } from "../inventory/index.ts";

/** What a person has confirmed, by flags. */
export interface Confirmations {
  /** There are no workflows, and that is right. */
  readonly acceptNoWorkflows: boolean;
  /** Far fewer workflows than when the list was made, and that is right. */
  readonly acceptFewerWorkflows: boolean;
  /** There is no archive of workflows. */
  readonly withoutArchive: boolean;
  /** No cluster has workflows that use the repository: files tell all. */
  readonly withoutCluster: boolean;
  /** More than these are never deleted in one run. */
  readonly maxDelete: number;
}

export interface Situation {
  readonly facts: InventoryFacts;
  readonly readsCluster: boolean;
  readonly readsArchive: boolean;
  /** What the list says: how many workflows there were, and how many objects are to go. */
  readonly listedWorkflows: number;
  readonly candidates: number;
}

/**
 * Every reason not to delete anything, each with what to do about it; none: go ahead. A list of workflows that was cut
 * short makes everything an orphan, and looks like any other: so what is suspicious is refused until a person says that
 * it is right.
 */
export function refusals(situation: Situation, confirmed: Confirmations): readonly string[] {
  const { facts, readsCluster, readsArchive, listedWorkflows, candidates } = situation;
  const known = facts.live + facts.archived + facts.fromFiles;
  const found: string[] = [];
  const refuse = (applies: boolean, why: string) => {
    if (applies) found.push(why);
  };
  refuse(
    known === 0 && !confirmed.acceptNoWorkflows,
    "no workflow was found at all, and the repository is not empty: check where workflows are read; --accept-no-workflows says that there are none",
  );
  refuse(
    !readsCluster && !confirmed.withoutCluster,
    "the cluster was not asked for workflows that are running: read it too, or say --without-cluster",
  );
  refuse(
    !readsArchive && !confirmed.withoutArchive,
    "archived workflows were not read: give --argo-server, or say --without-archive where there is no archive",
  );
  refuse(
    !readsArchive && facts.archivedByLabel > 0,
    `${facts.archivedByLabel} live workflows say that they are archived, so there is an archive: give --argo-server`,
  );
  refuse(
    readsArchive && facts.archived === 0 && facts.archivedByLabel > 0,
    `the archive is empty, and ${facts.archivedByLabel} live workflows say that they are in it: check --argo-server`,
  );
  refuse(
    known < listedWorkflows / 2 && !confirmed.acceptFewerWorkflows,
    `${known} workflows were found, and ${listedWorkflows} when the list was made: check where workflows are read; --accept-fewer-workflows says that this is right`,
  );
  refuse(
    candidates > confirmed.maxDelete,
    `${candidates} objects would be deleted, more than --max-delete ${confirmed.maxDelete}`,
  );
  return found;
}
