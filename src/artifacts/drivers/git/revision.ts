import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { isGitStatus } from "./errors.ts";
import type { Git } from "./work.ts";

const fullHash = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * Fetches one revision with `depth` commits and resolves with its commit. Undefined where the server has no such name,
 * as of `HEAD~1` and of short hashes, or does not give single commits.
 */
export async function fetchRevision(git: Git, revision: string, depth: number): Promise<string | undefined> {
  const options = [
    "fetch",
    "--progress",
    "--no-tags",
    "--update-head-ok",
    `--depth=${depth}`,
    "--end-of-options",
    "origin",
  ];
  const known = await commitOf(git, revision);
  // One of the refspecs brought it.
  if (known !== undefined) return known;
  if (fullHash.test(revision)) {
    try {
      await git([...options, revision]);
    } catch (error) {
      if (isExecutorError(error, "BadRequest", "Unsupported", "Transient")) return undefined;
      throw error;
    }
    return await commitOf(git, "FETCH_HEAD");
  }
  const ref = await remoteRef(git, revision);
  if (ref === undefined) return undefined;
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
  const places = branch === undefined ? [ref] : [ref, `refs/remotes/origin/${branch}`];
  const specs = ref === "HEAD" ? ["HEAD"] : places.map((place) => `+${ref}:${place}`);
  await git([...options, ...specs]);
  return await commitOf(git, "FETCH_HEAD");
}

/** Finds the commit in what has been fetched; a name that no branch or tag has is asked for once more by itself. */
export async function localRevision(git: Git, revision: string): Promise<string> {
  const found = await commitOf(git, revision);
  if (found !== undefined) return found;
  const missing = new ExecutorError(
    "BadRequest",
    `reference not found: ${JSON.stringify(revision)} is no branch, tag or commit of the repository`,
  );
  if (!fullHash.test(revision) && !revision.startsWith("refs/")) throw missing;
  try {
    await git(["fetch", "--progress", "--end-of-options", "origin", revision]);
  } catch (cause) {
    if (isExecutorError(cause, "Unauthorized", "Forbidden")) throw cause;
    throw missing;
  }
  return (await commitOf(git, "FETCH_HEAD")) ?? fail(missing);
}

async function commitOf(git: Git, revision: string): Promise<string | undefined> {
  try {
    const commit = await git([
      "rev-parse",
      "--verify",
      "--quiet",
      "--end-of-options",
      `${revision}^{commit}`,
    ]);
    return commit.trim().split("\n").at(-1);
  } catch (error) {
    // 1: no such name; 128: a name that cannot be one, such as a short hash of several objects.
    if (isGitStatus(error, 1, 128)) return undefined;
    throw error;
  }
}

/** The server's name for the revision, by git's own order of preference (gitrevisions(7)). */
async function remoteRef(git: Git, revision: string): Promise<string | undefined> {
  const branch = revision.replace(/^(refs\/remotes\/)?origin\//, "");
  const names = [
    revision,
    `refs/${revision}`,
    `refs/tags/${revision}`,
    `refs/heads/${revision}`,
    `refs/heads/${branch}`,
  ];
  // Patterns would be globs.
  if (/[*?[\\^~:\s]/.test(revision)) return undefined;
  const listing = await git(["ls-remote", "--quiet", "--end-of-options", "origin", ...names]);
  const offered = new Set(listing.split("\n").map((line) => line.split("\t")[1]));
  return names.find((name) => offered.has(name));
}

function fail(error: Error): never {
  throw error;
}
