import { allOf, everything, type Repository, type Selection, selectKeys } from "../src/sync/index.ts";
import { textsFlag } from "./flags.ts";
import type { SyncCall } from "./sync-call.ts";

/** The flags that say which objects a command is about. */
export const selectionFlags = {
  include: { type: "string", multiple: true },
  exclude: { type: "string", multiple: true },
} as const;

/** What the flags select in these repositories. */
export async function selectionOf(
  { line: { flags } }: SyncCall,
  repositories: readonly Repository[],
): Promise<Selection> {
  const include = textsFlag(flags, "include");
  const exclude = textsFlag(flags, "exclude");
  if (include.length + exclude.length === 0) return everything;
  return allOf(
    await selectKeys(
      { include, exclude },
      repositories.map(({ prefix }) => prefix),
    ),
  );
}
