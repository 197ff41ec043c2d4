import type { Changes } from "../changes/index.ts";
import type { Selection } from "../selection.ts";
import type { Criteria } from "./criteria.ts";
import { Owners } from "./owners.ts";
import { selectObjects, selectsWorkflow } from "./select-objects.ts";

/**
 * Selects among what has changed. What a pod has reported of a workflow that has not changed itself is wanted only where
 * nothing is asked of workflows: the workflow will change when its controller has read the report.
 * @param bucket empty: any
 */
export function selectChanged(
  criteria: Criteria,
  { workflows, results, collected }: Changes,
  { bucket, keyFormats }: { readonly bucket: string; readonly keyFormats: readonly string[] },
): Selection {
  const owners = new Owners(bucket, keyFormats);
  for (const workflow of workflows) owners.add(workflow, selectsWorkflow(workflow, criteria));
  for (const { workflow, artifacts } of results) owners.addReported(workflow, artifacts);
  for (const key of collected) owners.addCollected(key);
  return selectObjects(criteria, owners, Date.now());
}
