import { chmod, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact } from "../template/index.ts";
import { type Pinned, pinned } from "./pinned.ts";

/**
 * Sets the mode an input artifact asks for, on everything below it with `recurseMode`. Links are left alone: what
 * they point to is not ours (docs/contract/pod.md#5.2.1 step 10, docs/contract/artifacts.md#D-33). Others may be at work
 * on a volume: what was looked at is what is changed.
 */
export async function applyMode(artifact: Artifact, path: string): Promise<void> {
  if (artifact.mode === undefined || artifact.mode === null) return;
  const mode = artifact.mode & 0o7777;
  await pinned(path, async (held) => {
    if (artifact.recurseMode) await applyBelow(held, mode);
    if (!held.found.isSymbolicLink()) await chmod(held.path, mode);
  });
}

/**
 * Lets a main container of any user read and write what a plugin loaded, as the reference does, and enter a folder
 * (docs/contract/roles.md#D-15). Files of another user are that user's to open.
 */
export async function openToMain(path: string, warn: (message: string) => void): Promise<void> {
  await pinned(path, async (held) => {
    const { found } = held;
    if (found.isSymbolicLink()) return;
    try {
      await chmod(held.path, (found.mode & 0o777) | (found.isDirectory() ? 0o777 : 0o666));
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      warn(`the mode of the loaded artifact stays ${(found.mode & 0o777).toString(8)}: ${code}`);
    }
  });
}

/** Depth first, so that a mode without the search bit is set on a folder after its content. */
async function applyBelow({ found, path }: Pinned, mode: number): Promise<void> {
  if (!found.isDirectory()) return;
  for await (const { name } of await opendir(path)) {
    await pinned(join(path, name), async (child) => {
      await applyBelow(child, mode);
      if (!child.found.isSymbolicLink()) await chmod(child.path, mode);
    });
  }
}
