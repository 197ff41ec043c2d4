import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { compareKeys } from "../../../transfer/index.ts";
import type { FileStatus, HdfsFiles } from "./files.ts";
import { isUnfinished, ownFolder } from "./keys.ts";

/** Which files are meant. */
export interface WalkPlace {
  /** Ends with a slash. */
  readonly root: string;
  /** Paths begin with this, which begins with the root. */
  readonly prefix: string;
  /** Only paths behind this one. */
  readonly after: string | undefined;
}

const depthMax = 1000;

/**
 * Path and status of every file below the root whose path begins with `prefix` and comes behind `after`, in the order
 * of the paths' bytes. Directories are read while they are walked through: memory is that of a page of each on the way.
 * What is unfinished is left out.
 */
export async function* walkFiles(
  hdfs: HdfsFiles,
  place: WalkPlace,
  signal: AbortSignal,
): AsyncGenerator<readonly [string, FileStatus]> {
  if (!place.prefix.startsWith(place.root))
    throw new ExecutorError("BadRequest", `${place.prefix} is not below ${place.root}`);
  const start = place.prefix.slice(0, place.prefix.lastIndexOf("/") + 1);
  const status = await hdfs.status(pathOf(start), signal);
  // Nothing has been stored there yet; or a file, which has nothing below it.
  if (status?.isDirectory) yield* below({ hdfs, place, signal }, start, 0);
}

interface Walk {
  readonly hdfs: HdfsFiles;
  readonly place: WalkPlace;
  readonly signal: AbortSignal;
}

/**
 * The server lists names in the order of their bytes, `a` before `a.b`; of the paths below them, `a.b` comes before
 * `a/c`. So a directory waits until all names have come that go before its slash: only such as it begins, and the one
 * that came last goes first.
 */
async function* below(
  walk: Walk,
  folder: string,
  depth: number,
): AsyncGenerator<readonly [string, FileStatus]> {
  if (depth > depthMax)
    throw new ExecutorError("BadRequest", `list ${folder}: more than ${depthMax} levels deep`);
  const { prefix, after } = walk.place;
  const waiting: string[] = [];
  for await (const [name, status] of entriesOf(walk, folder, depth)) {
    const path = `${folder}${name}`;
    for (
      let next = waiting.at(-1);
      next !== undefined && compareKeys(next, path) < 0;
      next = waiting.at(-1)
    ) {
      waiting.pop();
      yield* below(walk, next, depth + 1);
    }
    if (isOwn(walk.place, path, name)) continue;
    if (status.isDirectory) {
      if (mayHold(`${path}/`, walk.place)) waiting.push(`${path}/`);
    } else if (path.startsWith(prefix) && (after === undefined || compareKeys(path, after) > 0)) {
      yield [path, status];
    }
  }
  for (const next of waiting.toReversed()) yield* below(walk, next, depth + 1);
}

async function* entriesOf(
  { hdfs, signal }: Walk,
  folder: string,
  depth: number,
): AsyncGenerator<readonly [string, FileStatus]> {
  try {
    yield* hdfs.entries(pathOf(folder), signal);
  } catch (error) {
    // Removed since the folder above was read; the one that was asked for must not be.
    if (depth === 0 || !isExecutorError(error, "NotFound")) throw error;
  }
}

function isOwn({ root }: WalkPlace, path: string, name: string): boolean {
  return path === `${root}${ownFolder}` || isUnfinished(name);
}

/** False for a folder all of whose files lie before `after`, or beside the prefix. */
function mayHold(folder: string, { prefix, after }: WalkPlace): boolean {
  if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) return false;
  return after === undefined || after.startsWith(folder) || compareKeys(folder, after) > 0;
}

/** A folder's path without the slash at its end. */
function pathOf(folder: string): string {
  return folder === "/" ? folder : folder.slice(0, -1);
}
