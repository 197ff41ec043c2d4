import { chmod, lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact } from "../template/index.ts";

/**
 * Sets the mode an input artifact asks for, on everything below it with `recurseMode`. Links are left alone: what
 * they point to is not ours (docs/contract/pod.md#5.2.1 step 10, docs/contract/artifacts.md#D-33).
 */
export async function applyMode(artifact: Artifact, path: string): Promise<void> {
  if (artifact.mode === undefined || artifact.mode === null) return;
  const mode = artifact.mode & 0o7777;
  if (artifact.recurseMode) await applyBelow(path, mode);
  if (!(await lstat(path)).isSymbolicLink()) await chmod(path, mode);
}

/**
 * Lets a main container of any user read and write what a plugin loaded, as the reference does, and enter a folder
 * (docs/contract/roles.md#D-15). Files of another user are that user's to open.
 */
export async function openToMain(path: string, warn: (message: string) => void): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return;
  try {
    await chmod(path, (found.mode & 0o777) | (found.isDirectory() ? 0o777 : 0o666));
  } catch (error) {
    warn(
      `the mode of the loaded artifact stays ${(found.mode & 0o777).toString(8)}: ${(error as Error).message}`,
    );
  }
}

/** Depth first, so that a mode without the search bit is set on a folder after its content. */
async function applyBelow(path: string, mode: number): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  for await (const entry of await opendir(path)) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await applyBelow(child, mode);
    if (!entry.isSymbolicLink()) await chmod(child, mode);
  }
}
