import { constants, type Stats } from "node:fs";
import { type FileHandle, open, opendir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** open(2) of Linux, of which Node has no name: whatever is there is held, without being opened itself. */
const O_PATH = 0o10000000;

/** What stood at a path when it was looked at. */
export interface Pinned {
  readonly found: Stats;
  /** Leads to it, whatever stands at its name by now; good until `work` ends. */
  readonly path: string;
}

/** Holds what stands at a path, which may be a link, while `work` deals with it. */
export async function pinned<T>(path: string, work: (held: Pinned) => Promise<T>): Promise<T> {
  const handle = await open(path, O_PATH | O_NOFOLLOW);
  try {
    return await work({ found: await handle.stat(), path: descriptorPath(handle) });
  } finally {
    await handle.close();
  }
}

/**
 * Removes whatever stands at a path, if anything does. Somebody else may be at work in it: nothing outside is touched, for
 * each name is removed from a folder that is held open, and no link is followed.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await unlink(path);
    return;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code !== "EISDIR" && code !== "EPERM") throw error;
  }
  const folder = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const held = descriptorPath(folder);
    for await (const { name } of await opendir(held)) await removeTree(join(held, name));
  } finally {
    await folder.close();
  }
  await rmdir(path);
}

function descriptorPath({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}
