import { ExecutorError } from "../../../errors/index.ts";
import { isGitStatus } from "./errors.ts";
import type { Checkout } from "./work.ts";

/** What `git lfs` asks for before it puts a file in its pointer's place; no such filter runs during the checkout. */
const filter = ["-c", "filter.lfs.clean=git-lfs clean -- %f", "-c", "filter.lfs.smudge=git-lfs smudge -- %f"];

/**
 * Gets the files that a repository keeps in LFS (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md). Only a
 * repository whose attributes name the filter pays for it.
 */
export async function pullLargeFiles({ git, log, skipsLfs }: Checkout, folder: string): Promise<void> {
  const attributes = ":(top,glob)**/.gitattributes";
  try {
    await git(["grep", "--cached", "--quiet", "-F", "filter=lfs", "--", attributes], folder);
  } catch (error) {
    if (isGitStatus(error, 1)) return;
    throw error;
  }
  if (skipsLfs) {
    log.warn({}, "GIT_LFS_SKIP_SMUDGE is set: files in LFS are left as pointers");
    return;
  }
  await checkAddresses((args) => git(args, folder));
  try {
    await git([...filter, "lfs", "pull", "origin"], folder);
  } catch (error) {
    throw error instanceof ExecutorError ? ExecutorError.wrap(error, "failed to get files from LFS") : error;
  }
}

/** `.lfsconfig` is the repository's own; git-lfs would also take a folder of this container as a server. */
async function checkAddresses(git: (args: readonly string[]) => Promise<string>): Promise<void> {
  const [entry = ""] = (await git(["ls-tree", "-z", "HEAD", "--", ".lfsconfig"])).split("\0");
  if (entry === "") return;
  // git-lfs would follow a link to a file that we have not looked at.
  if (!entry.startsWith("100")) throw wrong(".lfsconfig must be a file");
  const entries = await git(["config", "--blob", "HEAD:.lfsconfig", "--null", "--list"]);
  for (const each of entries.split("\0")) {
    const [key = "", value = ""] = each.split("\n");
    if (!/url$/i.test(key) || /^(https?|ssh):\/\/[^-]|^[^/:]+@[^/:]+:/i.test(value)) continue;
    throw wrong(`${key} in .lfsconfig must be an https, http or ssh address`);
  }
}

function wrong(what: string): ExecutorError {
  return new ExecutorError("BadRequest", `failed to get files from LFS: ${what}`);
}
