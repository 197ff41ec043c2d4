import { deleteKeys } from "../../transfer/index.ts";
import { type InventorySources, readInventory } from "../inventory/index.ts";
import type { Repository } from "../repository/index.ts";
import { placeOf, type StorePlace, selfAndAncestors, workflowTitle } from "../workflows/index.ts";
import type { DueArtifact } from "./due-artifacts.ts";
import type { GcStore } from "./repair.ts";

/**
 * The repository as the repair sees it. All sources are read first: an artifact that another workflow, a template or a
 * cache names is used still, whatever its own workflow's strategy says.
 */
export async function openGcStore(
  repository: Repository,
  sources: InventorySources,
  signal: AbortSignal,
): Promise<GcStore> {
  const place = placeOf({ ...repository.location }) ?? { type: "s3", endpoint: "", bucket: "" };
  const users = new Users();
  const note = (key: string, bucket: string, title: string) => {
    if (bucket === "" || place.bucket === "" || bucket === place.bucket) users.add(key, title);
  };
  await readInventory(
    sources,
    {
      workflow(record) {
        for (const { key, bucket } of record.artifacts) note(key, bucket, workflowTitle(record));
      },
      // A task of artifact GC names what it is to delete: that is no use.
      other({ kind, title, artifacts }) {
        if (kind !== "gc-task") for (const { key, bucket } of artifacts) note(key, bucket, title);
      },
    },
    signal,
  );
  return {
    holds: ({ key, ...artifact }, { repository: own }) =>
      isHere({ key, ...artifact }, own, place) && key.startsWith(repository.prefix),
    otherOwnerOf: (key, workflow) => users.other(key, workflowTitle(workflow)),
    delete: (keys, signal) => deleteKeys(repository.store, keys, repository.channel, signal),
  };
}

/** Who names a key, a directory above it, or something below it. */
class Users {
  readonly #naming = new Map<string, Set<string>>();
  readonly #namingBelow = new Map<string, Set<string>>();

  add(key: string, title: string): void {
    addTo(this.#naming, key, title);
    for (const above of selfAndAncestors(key)) if (above !== key) addTo(this.#namingBelow, above, title);
  }

  /** One that is not `own`. */
  other(key: string, own: string): string | undefined {
    const titles = [...selfAndAncestors(key)].flatMap((each) => [...(this.#naming.get(each) ?? [])]);
    titles.push(...(this.#namingBelow.get(key) ?? []));
    return titles.find((title) => title !== own);
  }
}

function addTo(map: Map<string, Set<string>>, key: string, title: string): void {
  const titles = map.get(key);
  if (titles) titles.add(title);
  else map.set(key, new Set([title]));
}

/** True only where type, bucket and endpoint are those of the repository, or not said by anyone. */
function isHere(artifact: DueArtifact, own: StorePlace | undefined, place: StorePlace): boolean {
  const said = artifact.isFull ? artifact : { ...artifact, ...filledFrom(own, artifact) };
  return (
    said.type === place.type &&
    [place.bucket, ""].includes(said.bucket) &&
    [place.endpoint, ""].includes(said.endpoint)
  );
}

function filledFrom(own: StorePlace | undefined, artifact: StorePlace): Partial<StorePlace> {
  return {
    bucket: artifact.bucket || (own?.bucket ?? ""),
    endpoint: artifact.endpoint || (own?.endpoint ?? ""),
  };
}
