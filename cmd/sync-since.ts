import { ExecutorError } from "../src/errors/index.ts";
import type { ChangedPlaces, Changes } from "../src/sync/changes/index.ts";
import type { SyncScope } from "../src/sync/copy/index.ts";
import { type JournalPlace, journalId, journalInFile, journalInTarget } from "../src/sync/journal/index.ts";
import type { Repository } from "../src/sync/repository/index.ts";
import { commaList } from "./environment.ts";
import { type FlagValues, textFlag, textsFlag } from "./flags.ts";
import type { SyncCall } from "./sync-call.ts";
import { keyFormatsOf, selectionTexts } from "./sync-selection.ts";
import { openSources } from "./sync-workflows.ts";

/** What `--since` leads to: the places that have changed, or a whole run. */
export interface Since {
  /** Undefined: everything is compared. */
  readonly changed: { readonly changes: Changes; readonly places: ChangedPlaces } | undefined;
  /** In words, for the report and the last line. */
  readonly summary: string;
  /** What the next run may go on from, should this one do all. */
  readonly cursor: string;
  /** Where `last` is kept. */
  readonly place: JournalPlace;
}

const cursorBytesMax = 64 * 1024;

/** What nobody can say of changes alone, and why. */
const refused: Readonly<Record<string, string>> = {
  delete: "what only the target has is found by listing everything",
  shard: "changes are not divided into ranges of keys",
  "shards-out": "changes are not divided into ranges of keys",
  "older-than": "what is too young now would not be looked at again",
  workflows: "files do not tell what has changed",
  "without-cluster": "the cluster tells what has changed",
};

/** Throws BadRequest for flags that do not go with `--since`. */
export function checkSince(flags: FlagValues): void {
  if (textFlag(flags, "since") === undefined) return;
  for (const [name, why] of Object.entries(refused)) {
    if (flags[name] === undefined) continue;
    throw new ExecutorError("BadRequest", `--since does not go with --${name}: ${why}`);
  }
}

/**
 * Reads what has changed behind the cursor that `--since` names; undefined where it is not given. The present is noted
 * before anything else is read: what changes meanwhile is the next run's.
 */
export async function sinceOf(
  call: SyncCall,
  { source, target, range }: Pick<SyncScope, "source" | "target" | "range">,
): Promise<Since | undefined> {
  const { flags } = call.line;
  const wanted = textFlag(flags, "since");
  if (wanted === undefined) return undefined;
  const { changedPlaces, cursorText, parseCursor, presentVersions, readChanges } = await import(
    "../src/sync/changes/index.ts"
  );
  await using open = await openSources(call);
  const { cluster: client, archive } = open.sources;
  if (client === undefined) throw new ExecutorError("BadRequest", "--since needs a cluster");
  const namespaces = commaList(textFlag(flags, "namespace"));
  const cluster = { client, namespaces };
  const what = [
    source.store.name,
    source.prefix,
    target.store.name,
    target.prefix,
    range.prefix,
    client.address,
  ];
  const id = journalId("since", ...what, ...selectionTexts(flags));
  const place = placeOf(flags, target, id);
  const text = wanted === "last" ? await place.read(call.stop) : wanted;
  const takenAt = new Date().toISOString();
  const whole = async (why: string): Promise<Since> => {
    const versions = await presentVersions(cluster, call.stop);
    const summary = `everything was compared: ${why}`;
    return { changed: undefined, summary, cursor: cursorText({ id, takenAt, versions }), place };
  };
  if (text === undefined) return await whole("no run with these arguments has left a cursor yet");
  const cursor = parseCursor(text.trim(), id);
  const changes = await readChanges({ cluster, archive }, cursor, call.stop);
  if ("unknownBecause" in changes) return await whole(changes.unknownBecause);
  const places = changedPlaces(changes, keyFormatsOf(flags, source));
  if ("unknownBecause" in places) return await whole(places.unknownBecause);
  const { workflows, results, versions } = changes;
  return {
    changed: { changes, places },
    summary: `${workflows.length} workflows and ${results.length} task results have changed since ${cursor.takenAt}`,
    cursor: cursorText({ id, takenAt, versions }),
    place,
  };
}

function placeOf(flags: FlagValues, target: Repository, id: string): JournalPlace {
  const [file] = textsFlag(flags, "journal");
  return file === undefined
    ? journalInTarget(target, `${id}.cursor`, cursorBytesMax)
    : journalInFile(`${file}.cursor`);
}
