import type { Changes } from "../src/sync/changes/index.ts";
import { allOf, everything, type Repository, type Selection, selectKeys } from "../src/sync/index.ts";
import { defaultKeyFormat, placeOf } from "../src/sync/workflows/index.ts";
import { commaList } from "./environment.ts";
import { type FlagValues, textFlag, textsFlag } from "./flags.ts";
import type { SyncCall } from "./sync-call.ts";
import { openSources, workflowFlags } from "./sync-workflows.ts";

/** What the flags say of the selection, for those who have to tell one from another. */
export function selectionTexts(flags: FlagValues): readonly (readonly string[])[] {
  return [...Object.keys(selectionFlags), "namespace"].map((name) => textsFlag(flags, name));
}

/** The flags that say which objects a command is about. */
export const selectionFlags = {
  ...workflowFlags,
  include: { type: "string", multiple: true },
  exclude: { type: "string", multiple: true },
  workflow: { type: "string", multiple: true },
  selector: { type: "string" },
  template: { type: "string", multiple: true },
  phase: { type: "string", multiple: true },
  artifact: { type: "string", multiple: true },
  "older-than": { type: "string" },
  "newer-than": { type: "string" },
  "key-format": { type: "string", multiple: true },
} as const;

/**
 * What the flags select in these repositories, whose first one is the source. Workflows are read only where something is
 * said of them, or where they come from: otherwise keys alone decide. `changes`, where given, are all that is looked at.
 */
export async function selectionOf(
  call: SyncCall,
  repositories: readonly [Repository, ...Repository[]],
  changes?: Changes,
): Promise<Selection> {
  const { flags } = call.line;
  const include = textsFlag(flags, "include");
  const exclude = textsFlag(flags, "exclude");
  const prefixes = repositories.map(({ prefix }) => prefix);
  const selections = [
    ...(include.length + exclude.length === 0 ? [] : [await selectKeys({ include, exclude }, prefixes)]),
    ...(asksForMore(flags) || changes ? [await byWhatIsKnown(call, repositories[0], changes)] : []),
  ];
  return selections.length === 0 ? everything : allOf(...selections);
}

/** The bucket whose keys workflows name, and how the controller makes them there, as far as anyone says. */
export function keyFormatsOf(
  flags: FlagValues,
  { location, keyFormat }: Repository,
): { readonly bucket: string; readonly keyFormats: readonly string[] } {
  const given = textsFlag(flags, "key-format");
  const bucket = placeOf({ ...location })?.bucket ?? "";
  return { bucket, keyFormats: given.length > 0 ? given : [keyFormat ?? defaultKeyFormat] };
}

const byWorkflows = [
  "workflow",
  "namespace",
  "selector",
  "template",
  "phase",
  "artifact",
  "workflows",
  "argo-server",
] as const;

function asksForMore(flags: FlagValues): boolean {
  return [...byWorkflows, "older-than", "newer-than"].some((name) => textsFlag(flags, name).length > 0);
}

async function byWhatIsKnown(
  call: SyncCall,
  source: Repository,
  changes: Changes | undefined,
): Promise<Selection> {
  const { flags } = call.line;
  const { readCriteria, selectByWorkflows, selectChanged, selectObjects } = await import(
    "../src/sync/criteria/index.ts"
  );
  const criteria = await readCriteria({
    workflow: textsFlag(flags, "workflow"),
    namespace: commaList(textFlag(flags, "namespace")),
    selector: textFlag(flags, "selector"),
    template: textsFlag(flags, "template"),
    phase: textsFlag(flags, "phase"),
    artifact: textsFlag(flags, "artifact"),
    olderThan: textFlag(flags, "older-than"),
    newerThan: textFlag(flags, "newer-than"),
  });
  const known = keyFormatsOf(flags, source);
  if (changes !== undefined) return selectChanged(criteria, changes, known);
  const needsWorkflows = byWorkflows.some((name) => textsFlag(flags, name).length > 0);
  if (!needsWorkflows) return selectObjects(criteria, undefined, Date.now());
  await using open = await openSources(call);
  return await selectByWorkflows(criteria, { ...known, sources: open.sources }, call.stop);
}
