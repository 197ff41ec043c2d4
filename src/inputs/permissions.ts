import { chmod, lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact } from "../template/index.ts";

/**
 * Sets the mode an input artifact asks for, on everything below it with `recurseMode`. Links are left alone: what
 * they point to is not ours (contract pod.md 5.2.1 step 10, artifacts.md D-33).
 */
export async function applyMode(artifact: Artifact, path: string): Promise<void> {
  if (artifact.mode === undefined || artifact.mode === null) return;
  const mode = artifact.mode & 0o7777;
  if (artifact.recurseMode) await applyBelow(path, mode);
  if (!(await lstat(path)).isSymbolicLink()) await chmod(path, mode);
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
