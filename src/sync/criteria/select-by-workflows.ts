import { type InventorySources, readInventory } from "../inventory/index.ts";
import type { Repository } from "../repository/index.ts";
import type { Selection } from "../selection.ts";
import { defaultKeyFormat, placeOf } from "../workflows/index.ts";
import type { Criteria } from "./criteria.ts";
import { Owners } from "./owners.ts";
import { selectObjects, selectsWorkflow } from "./select-objects.ts";

export interface WorkflowSources {
  /** Whose objects are meant. */
  readonly source: Repository;
  readonly sources: InventorySources;
  /** Instead of the repository's own. */
  readonly keyFormats: readonly string[];
}

/** Reads all workflows of the sources, and selects by what they say of objects. */
export async function selectByWorkflows(
  criteria: Criteria,
  { source, sources, keyFormats }: WorkflowSources,
  signal: AbortSignal,
): Promise<Selection> {
  const formats = keyFormats.length > 0 ? keyFormats : [source.keyFormat ?? defaultKeyFormat];
  const owners = new Owners(placeOf({ ...source.location })?.bucket ?? "", formats);
  await readInventory(
    sources,
    {
      workflow: (record) => owners.add(record, selectsWorkflow(record, criteria)),
      other({ kind, artifacts }) {
        if (kind === "gc-task") for (const { key } of artifacts) owners.addCollected(key);
      },
    },
    signal,
  );
  return selectObjects(criteria, owners, Date.now());
}
