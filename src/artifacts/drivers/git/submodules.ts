import { join } from "node:path";
import { ExecutorError } from "../../../errors/index.ts";
import { pullLargeFiles } from "./large-files.ts";
import type { Checkout } from "./work.ts";

/** As deep as the reference goes (docs/contract/artifacts.md#5.8). */
const depthMax = 10;

/**
 * Checks out the submodules of a repository and theirs. Git itself refuses names and paths that lead elsewhere, update
 * commands in .gitmodules and transports that are not allowed.
 */
export async function updateSubmodules(work: Checkout, folder: string, depth = 1): Promise<void> {
  const { git } = work;
  const entries = await git(["ls-files", "--stage", "-z"], folder);
  const links = entries.split("\0").filter((entry) => entry.startsWith("160000 "));
  if (links.length === 0) return;
  if (depth > depthMax)
    throw new ExecutorError(
      "BadRequest",
      `failed to update submodules: they are nested more than ${depthMax} deep`,
    );
  let listed: string;
  try {
    // What the script git-submodule calls; the script itself wants programs that the image does not have.
    await git(["submodule--helper", "update", "--init", "--progress"], folder);
    listed = await git(
      ["config", "--file", ".gitmodules", "--null", "--get-regexp", "^submodule\\..*\\.path$"],
      folder,
    );
  } catch (error) {
    throw error instanceof ExecutorError ? ExecutorError.wrap(error, "failed to update submodules") : error;
  }
  const known = new Set(listed.split("\0").map((line) => line.slice(line.indexOf("\n") + 1)));
  for (const link of links) {
    const path = link.slice(link.indexOf("\t") + 1);
    if (!known.has(path)) continue;
    await pullLargeFiles(work, join(folder, path));
    await updateSubmodules(work, join(folder, path), depth + 1);
  }
}
