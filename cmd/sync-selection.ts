import { allOf, everything, type Repository, type Selection, selectKeys } from "../src/sync/index.ts";
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
 * said of them, or where they come from: otherwise keys alone decide.
 */
export async function selectionOf(call: SyncCall, repositories: readonly Repository[]): Promise<Selection> {
  const { flags } = call.line;
  const include = textsFlag(flags, "include");
  const exclude = textsFlag(flags, "exclude");
  const prefixes = repositories.map(({ prefix }) => prefix);
  const selections = [
    ...(include.length + exclude.length === 0 ? [] : [await selectKeys({ include, exclude }, prefixes)]),
    ...(asksForMore(flags) ? [await byWhatIsKnown(call, repositories[0])] : []),
  ];
  return selections.length === 0 ? everything : allOf(...selections);
}

/** Not `namespace`, which says where `configmap/NAME` is, too: it narrows what the others ask for. */
const byWorkflows = [
  "workflow",
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

async function byWhatIsKnown(call: SyncCall, source: Repository | undefined): Promise<Selection> {
  const { flags } = call.line;
  const { readCriteria, selectByWorkflows, selectObjects } = await import("../src/sync/criteria/index.ts");
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
  const needsWorkflows = byWorkflows.some((name) => textsFlag(flags, name).length > 0);
  if (!needsWorkflows || source === undefined) return selectObjects(criteria, undefined, Date.now());
  await using open = await openSources(call);
  const keyFormats = textsFlag(flags, "key-format");
  return await selectByWorkflows(criteria, { source, sources: open.sources, keyFormats }, call.stop);
}
