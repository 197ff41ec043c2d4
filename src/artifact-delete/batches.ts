import { canDelete, deletionUnsupported } from "../artifacts/index.ts";
import { errorText } from "../errors/index.ts";
import type { GcNode, GcResult, GcTask } from "../kube/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  getKey,
  hasLocation,
  locationType,
  withKey,
} from "../template/index.ts";

/** One artifact of a task. */
export interface Item {
  readonly nodeId: string;
  readonly name: string;
  readonly artifact: Artifact;
  readonly key: string;
}

/** Artifacts that go to a driver at once. */
export interface Batch {
  /** A text that two batches share if, and only if, they are for the same store, seen with the same identity. */
  readonly store: string;
  readonly items: readonly [Item, ...Item[]];
}

export interface GcOutcome {
  readonly nodeId: string;
  readonly result: GcResult;
}

/** A store's largest request. */
const batchSize = 1000;

/**
 * The artifacts of a task in batches, those of one store together and in the order of their keys: what lies below them
 * is then found in one short listing a batch. Besides, what cannot be deleted anyway, and how many artifacts there are.
 */
export function batchesOf(task: GcTask): {
  readonly batches: readonly Batch[];
  readonly failures: readonly GcOutcome[];
  readonly count: number;
} {
  const { stores, failures } = groupByStore(task);
  let count = failures.length;
  const batches: Batch[] = [];
  for (const [store, items] of stores) {
    count += items.length;
    items.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
    for (let start = 0; start < items.length; start += batchSize) {
      const [first, ...others] = items.slice(start, start + batchSize);
      if (first) batches.push({ store, items: [first, ...others] });
    }
  }
  return { batches, failures, count };
}

export function failed({ nodeId, name }: Pick<Item, "nodeId" | "name">, error: unknown): GcOutcome {
  return { nodeId, result: { name, error: errorText(error) } };
}

/** Artifacts that differ in nothing but the key share a driver: its connections, its credentials, its requests. */
function groupByStore(task: GcTask): {
  readonly stores: ReadonlyMap<string, Item[]>;
  readonly failures: readonly GcOutcome[];
} {
  const stores = new Map<string, Item[]>();
  const failures: GcOutcome[] = [];
  for (const [nodeId, node] of Object.entries(task.spec?.artifactsByNode ?? {})) {
    const placeOf = placesOf(node);
    for (const [name, artifact] of Object.entries(node.artifacts ?? {})) {
      try {
        const { store, ...located } = placeOf(artifact);
        const items = stores.get(store);
        const item: Item = { nodeId, name, ...located };
        if (items) items.push(item);
        else stores.set(store, [item]);
      } catch (error) {
        failures.push(failed({ nodeId, name }, error));
      }
    }
  }
  return { stores, failures };
}

interface Place {
  readonly store: string;
  readonly artifact: Artifact;
  readonly key: string;
}

/**
 * Tells where the artifacts of a node lie, as `relocate` does. Most have nothing but a key and lie in the archive
 * location, which is looked at once: doing so ten thousand times would be a tenth of the job's CPU time.
 */
function placesOf({ archiveLocation }: GcNode): (artifact: Artifact) => Place {
  let archive: { readonly store: string; readonly location: ArtifactLocation } | undefined;
  return (artifact) => {
    if (!archiveLocation || hasLocation(artifact)) {
      return { store: storeOf(artifact), artifact, key: getKey(artifact) };
    }
    const key = getKey(artifact);
    archive ??= { store: storeOf(archiveLocation), location: archiveLocation };
    return {
      store: archive.store,
      artifact: withKey({ ...archive.location, name: artifact.name }, key),
      key,
    };
  };
}

/** Throws for stores that cannot delete. */
function storeOf(location: ArtifactLocation): string {
  const type = locationType(location);
  if (type === undefined) return "";
  if (!canDelete(location)) throw deletionUnsupported();
  return `${type} ${JSON.stringify(withKey(location, "")[type])}`;
}
