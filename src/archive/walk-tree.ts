import type { Stats } from "node:fs";
import { lstat, readdir, readlink, realpath, stat } from "node:fs/promises";
import { posix } from "node:path";
import { ExecutorError } from "../errors/index.ts";
import { CallPace, mapAhead } from "../limits/index.ts";
import { type ByteString, bytesOf, fsPath, shown } from "./byte-string.ts";
import { fileError, isSystemError } from "./errors.ts";
import { type LargeFile, snapshotFile } from "./snapshot-file.ts";

export interface WalkOptions {
  /** Links that point to this directory or below it are followed; all others are entries themselves. */
  readonly followInto?: string | undefined;
  /** Told of what is left out: sockets. */
  warn(message: string): void;
}

/** One file, directory, link or device of a tree. */
export interface WalkEntry {
  /** `basename(root)` and what is below, `/` between, none at the end. */
  readonly name: ByteString;
  readonly stats: Stats;
  readonly linkPath: ByteString;
  /** Content of a regular file: whole if small, else to be opened and read by size. */
  readonly content: Buffer | LargeFile | undefined;
}

const entriesAhead = 16;

/**
 * Walks a file or a directory depth first, each directory's names in byte order (contract artifacts.md 6.1). The root
 * itself is resolved if it is a link; inside, links are not followed unless they point into `followInto`.
 * Throws NotFound when the root is missing, BadRequest when it is neither file nor directory; anything that cannot be
 * read fails the walk and is named.
 */
export async function* walkTree(
  root: string,
  options: WalkOptions,
  signal: AbortSignal,
): AsyncGenerator<WalkEntry, void, undefined> {
  const stats = await stat(root).catch((error: unknown) => {
    if (!isSystemError(error, "ENOENT", "ENOTDIR")) throw fileError(error, `stat ${root}`);
    throw new ExecutorError("NotFound", `stat ${root}: no such file or directory`, { cause: error });
  });
  if (!stats.isFile() && !stats.isDirectory()) {
    throw new ExecutorError("BadRequest", `${root} is not a regular file or directory`);
  }
  const top = {
    path: bytesOf(await realpath(root)),
    name: bytesOf(posix.basename(posix.resolve(root))),
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
  };
  const followInto = options.followInto === undefined ? undefined : await findFolder(options.followInto);
  const walk = { followInto, warn: options.warn.bind(options), signal, pace: new CallPace() };
  for await (const entry of mapAhead(visit(top, walk), entriesAhead, (item) => inspect(item, walk))) {
    if (entry) yield entry;
  }
}

/** A folder by the name that links use, and where it really is; undefined if it is missing. */
async function findFolder(path: string): Promise<Walk["followInto"]> {
  const real = await realpath(path).catch(() => undefined);
  return real === undefined ? undefined : { named: bytesOf(posix.resolve(path)), real: bytesOf(real) };
}

interface Walk {
  readonly followInto: { readonly named: ByteString; readonly real: ByteString } | undefined;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
  readonly pace: CallPace;
}

/** A place in the tree: where it is on disk, what it is called in the archive. */
interface Place {
  readonly path: ByteString;
  readonly name: ByteString;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

/** Yields every place, a directory before what it holds. */
async function* visit(root: Place, walk: Walk): AsyncGenerator<Place, void, undefined> {
  yield root;
  const open = root.isDirectory ? [await placesIn(root, walk)] : [];
  for (let level = open.at(-1); level; level = open.at(-1)) {
    walk.signal.throwIfAborted();
    const { done, value: place } = level.next();
    if (done) {
      open.pop();
    } else if (place.isFile) {
      yield place;
    } else {
      const here = (await followed(place, walk)) ?? place;
      yield here;
      if (here.isDirectory) open.push(await placesIn(here, walk));
    }
  }
}

async function placesIn(directory: Place, walk: Walk): Promise<Iterator<Place, undefined>> {
  walk.signal.throwIfAborted();
  const entries = await readdir(fsPath(directory.path), { withFileTypes: true, encoding: "latin1" }).catch(
    (error: unknown) => {
      throw fileError(error, `read directory ${shown(directory.path)}`);
    },
  );
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const base = directory.path === "/" ? "" : directory.path;
  return entries.values().map((entry) => ({
    path: `${base}/${entry.name}`,
    name: `${directory.name}/${entry.name}`,
    isFile: entry.isFile(),
    isDirectory: entry.isDirectory(),
  }));
}

/** Where a link into `followInto` leads; undefined for every other place, for dangling links and below such a link. */
async function followed(place: Place, walk: Walk): Promise<Place | undefined> {
  const { followInto } = walk;
  // A link inside the followed folder could lead in a circle; there links are entries again.
  if (followInto === undefined || place.isDirectory || isBelow(place.path, followInto.real)) return undefined;
  const text = await readlink(fsPath(place.path), "latin1").catch(() => undefined);
  if (text === undefined) return undefined;
  const target = posix.resolve(posix.dirname(place.path), text);
  if (!isBelow(target, followInto.named)) return undefined;
  // An input may be a link itself, made by whoever made the archive: it must not lead to other files of this container.
  const path = await realpath(fsPath(target), "latin1").catch(() => undefined);
  if (path === undefined || !isBelow(path, followInto.real)) return undefined;
  const stats = await stat(fsPath(path)).catch(() => undefined);
  return stats && { path, name: place.name, isFile: stats.isFile(), isDirectory: stats.isDirectory() };
}

function isBelow(path: ByteString, directory: ByteString): boolean {
  return path.startsWith(`${directory}/`);
}

async function inspect(place: Place, walk: Walk): Promise<WalkEntry | undefined> {
  try {
    if (place.isFile) return await inspectFile(place, walk);
    const stats = await lstat(fsPath(place.path));
    if (stats.isSocket()) {
      walk.warn(`${shown(place.path)} is left out: it is a socket`);
      return undefined;
    }
    if (stats.isFile()) return await inspectFile(place, walk);
    const linkPath = stats.isSymbolicLink() ? await readlink(fsPath(place.path), "latin1") : "";
    return { name: place.name, stats, linkPath, content: undefined };
  } catch (error) {
    throw fileError(error, `read ${shown(place.path)}`);
  }
}

async function inspectFile(place: Place, walk: Walk): Promise<WalkEntry> {
  return { name: place.name, linkPath: "", ...(await snapshotFile(place.path, walk.pace)) };
}
