import { isExecutorError } from "../../errors/index.ts";
import { mapAhead } from "../../limits/index.ts";
import type { ChangedPlaces } from "../changes/index.ts";
import { mergeJoin, type Pair } from "../compare/index.ts";
import type { KeyRange, ListedObject, Repository } from "../repository/index.ts";
import { selfAndAncestors } from "../workflows/index.ts";
import { targetKeyOf } from "./target-key.ts";

/** Both sides, and the part of them that is meant. */
interface Sides {
  readonly source: Repository;
  readonly target: Repository;
  readonly range: Pick<KeyRange, "prefix">;
}

/** Keys that are looked up at once, on each side. */
const lookUpsAhead = 32;

/**
 * What is to be compared where the places are known that may have changed: each key is looked up on both sides; one
 * that is no object of the source is a directory, and listed, as are prefixes. Each pair comes once.
 */
export async function* changedPairs(
  scope: Sides,
  { keys, prefixes }: ChangedPlaces,
  signal: AbortSignal,
): AsyncGenerator<readonly Pair[]> {
  const start = startOf(scope);
  const listed = new Set<string>();
  // What lies above the part that is meant may hold some of it.
  const isNear = (place: string) => place.startsWith(start) || start.startsWith(place);
  for (const prefix of prefixes.filter(isNear)) yield* below(scope, prefix, signal);
  const near = keys.filter((key) => key.startsWith(start) || isNear(withSlash(key)));
  const own = near.filter((key) => !prefixes.some((prefix) => key.startsWith(prefix)));
  for await (const { key, pair } of mapAhead(own, lookUpsAhead, (key) => lookUp(scope, key, signal))) {
    if ([...selfAndAncestors(key)].some((each) => listed.has(withSlash(each)))) continue;
    if (pair !== undefined) {
      yield [pair];
      continue;
    }
    listed.add(withSlash(key));
    yield* below(scope, withSlash(key), signal);
  }
}

function withSlash(key: string): string {
  return key.endsWith("/") ? key : `${key}/`;
}

/** The pair of an object; undefined where the source has none of that name. */
async function lookUp(
  scope: Sides,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly key: string; readonly pair: Pair | undefined }> {
  if (key.endsWith("/") || !key.startsWith(startOf(scope))) return { key, pair: undefined };
  const [source, target] = await Promise.all([
    headOf(scope.source, key, signal),
    headOf(scope.target, targetKeyOf(scope, key), signal),
  ]);
  // The answer about one object has its time in the form of HTTP, to the second.
  return { key, pair: source === undefined ? undefined : { source, target, areTimesExact: false } };
}

/** Undefined, too, for a key that the store cannot hold: copying it tells why. */
async function headOf(
  repository: Repository,
  key: string,
  signal: AbortSignal,
): Promise<ListedObject | undefined> {
  try {
    return await repository.head(key, signal);
  } catch (error) {
    if (isExecutorError(error, "Unsupported", "BadRequest")) return undefined;
    throw error;
  }
}

function below(scope: Sides, prefix: string, signal: AbortSignal): AsyncIterable<readonly Pair[]> {
  const { source, target } = scope;
  const start = startOf(scope);
  const within = prefix.startsWith(start) ? prefix : start;
  const range: KeyRange = { prefix: within.slice(source.prefix.length) };
  return mergeJoin(
    { repository: source, pages: source.pages(range, signal) },
    { repository: target, pages: target.pages(range, signal) },
  );
}

/** What every key begins with that the command is about. */
function startOf({ source, range }: Sides): string {
  return `${source.prefix}${range.prefix ?? ""}`;
}
