import { type InventorySources, readInventory } from "../inventory/index.ts";
import type { Selection } from "../selection.ts";
import type { Criteria } from "./criteria.ts";
import { Owners } from "./owners.ts";
import { selectObjects, selectsWorkflow } from "./select-objects.ts";

export interface WorkflowSources {
  readonly sources: InventorySources;
  /** Of the repository whose objects are meant; empty: any, as in a folder that holds a copy. */
  readonly bucket: string;
  readonly keyFormats: readonly string[];
}

/** Reads all workflows of the sources, and selects by what they say of objects. */
export async function selectByWorkflows(
  criteria: Criteria,
  { sources, bucket, keyFormats }: WorkflowSources,
  signal: AbortSignal,
): Promise<Selection> {
  const owners = new Owners(bucket, keyFormats);
  await readInventory(
    sources,
    {
      workflow: (record) => owners.add(record, selectsWorkflow(record, criteria)),
      collected: (key) => owners.addCollected(key),
    },
    signal,
  );
  return selectObjects(criteria, owners, Date.now());
}
