import { type Dirent, lstatSync, type Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ExecutorError } from "../../errors/index.ts";
import { CallPace } from "../../limits/index.ts";
import { compareKeys, type ObjectInfo } from "../../transfer/index.ts";
import { fileError, ownFolder } from "./folder-keys.ts";

interface Entry {
  /** The key, or that of what lies in the folder up to its slash. */
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * Every file below the folder whose key begins with `prefix` and comes behind `after`, in the order of the keys' bytes.
 * Memory is that of the folders on the way to the file.
 * @throws Unsupported for what is neither a file nor a folder, and for names that are no UTF-8: they cannot be copied
 */
export async function* walkFolder(
  root: string,
  prefix: string,
  after: string | undefined,
): AsyncGenerator<ObjectInfo> {
  yield* below(root, "", { prefix, after, pace: new CallPace() });
}

interface Walk {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly pace: CallPace;
}

async function* below(root: string, folder: string, walk: Walk): AsyncGenerator<ObjectInfo> {
  for (const { path, isFolder } of await entriesOf(root, folder)) {
    if (isFolder) {
      if (mayHold(path, walk)) yield* below(root, path, walk);
    } else if (
      path.startsWith(walk.prefix) &&
      (walk.after === undefined || compareKeys(path, walk.after) > 0)
    ) {
      const info = await infoOf(root, path, walk.pace);
      // Deleted since its folder was read.
      if (info !== undefined) yield info;
    }
  }
}

/** False for a folder all of whose keys lie before `after`, or beside the prefix. */
function mayHold(path: string, { prefix, after }: Walk): boolean {
  if (!path.startsWith(prefix) && !prefix.startsWith(path)) return false;
  return after === undefined || after.startsWith(path) || compareKeys(path, after) > 0;
}

async function entriesOf(root: string, folder: string): Promise<readonly Entry[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    // Removed since the folder above was read; the whole folder must not be.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && folder !== "") return [];
    throw fileError(error, folder === "" ? root : folder);
  }
  return entries
    .filter(({ name }) => folder !== "" || name !== ownFolder)
    .map((entry) => ({ path: keyOf(folder, entry), isFolder: entry.isDirectory() }))
    .sort((a, b) => compareKeys(a.path, b.path));
}

/** A folder's key ends with a slash: so it is sorted where what lies in it belongs. */
function keyOf(folder: string, entry: Dirent): string {
  const path = `${folder}${entry.name}`;
  // Node writes U+FFFD for bytes that are no UTF-8.
  if (entry.name.includes("\ufffd")) {
    throw new ExecutorError(
      "Unsupported",
      `${JSON.stringify(path)}: the file's name is no UTF-8, as keys are; rename it`,
    );
  }
  if (entry.isDirectory()) return `${path}/`;
  if (entry.isFile()) return path;
  const kind = entry.isSymbolicLink() ? "a symbolic link" : "neither a file nor a folder";
  throw new ExecutorError(
    "Unsupported",
    `${path} is ${kind}, which no store can hold; take it out of the folder`,
  );
}

async function infoOf(root: string, key: string, pace: CallPace): Promise<ObjectInfo | undefined> {
  const path = join(root, key);
  try {
    const stats = pace.isQuick ? pace.measure(() => lstatSync(path)) : await lstat(path);
    return toInfo(key, stats);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, key);
  }
}

/** The tag is made of what changes when a file is written. */
export function toInfo(key: string, { size, mtimeMs, ino }: Stats): ObjectInfo {
  return { key, sizeBytes: size, etag: `${ino}-${mtimeMs}-${size}`, modifiedMs: mtimeMs };
}
