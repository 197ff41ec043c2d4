import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import type { GitConfig } from "./config.ts";
import { isGitStatus } from "./errors.ts";
import { pullLargeFiles } from "./large-files.ts";
import { fetchRevision, localRevision } from "./revision.ts";
import { updateSubmodules } from "./submodules.ts";
import type { Checkout, Git } from "./work.ts";

/** Leaves in `path` what the reference leaves there (docs/contract/artifacts.md#5.8), and files that are in LFS. */
export async function checkout(config: GitConfig, work: Checkout): Promise<void> {
  if (!((await placeShallow(config, work)) || (await placePartial(config, work)))) {
    const commit = await clonedCommit(config, work);
    if (commit === undefined) {
      work.log.info({ repo: config.repository.url }, "the repository is empty");
      return;
    }
    await place(config, work, commit);
  }
  await pullLargeFiles(work, work.path);
  if (config.hasSubmodules) await updateSubmodules(work, work.path);
}

/** Gets the revision alone, at its depth. False where that is not asked for, or the server does not do it. */
async function placeShallow(config: GitConfig, work: Checkout): Promise<boolean> {
  const { depth, revision, isSingleBranch, repository } = config;
  const { git, log } = work;
  if (depth === undefined || revision === "" || isSingleBranch) return false;
  const starting = `failed to clone "${repository.url}"`;
  await during(starting, git(["init", "--quiet", "."]));
  await during(starting, git(["remote", "add", "origin", repository.url]));
  await fetchRefspecs(config, git);
  const commit = await during(starting, fetchRevision(git, revision, depth));
  if (commit === undefined) {
    const message = "the server does not give this revision alone: looking for it in the history";
    log.info({ revision, depth }, message);
    return false;
  }
  await place(config, work, commit);
  return true;
}

/** Puts the commit's files in their place, those of a partial clone straight from the server. */
async function place({ revision }: GitConfig, { git }: Checkout, commit: string): Promise<void> {
  const how = revision === "" ? ["HEAD"] : ["--detach", commit];
  await during(`failed to checkout "${commit}"`, git(["checkout", "--progress", "--force", ...how, "--"]));
}

/**
 * Who gives a depth wants no history, but a revision such as `HEAD~1` or a short hash is found nowhere but in it: so the
 * commits and folders of all of it are fetched, and the content of files of the revision alone (`blob:none`, git's
 * "partial clone"). False where that is not asked for, or the server gives no single files later on; one that does not
 * know the filter sends everything.
 */
async function placePartial(config: GitConfig, work: Checkout): Promise<boolean> {
  const { depth, revision } = config;
  if (depth === undefined || revision === "") return false;
  const commit = await clonedCommit(config, work, ["--filter=blob:none"]);
  if (commit === undefined) return false;
  try {
    await place(config, work, commit);
    return true;
  } catch (error) {
    if (!isExecutorError(error, "BadRequest", "Unsupported")) throw error;
    work.log.info({ revision }, "the server gives no single files: fetching all of the history");
    return false;
  }
}

async function clonedCommit(
  config: GitConfig,
  { git, path, clear }: Checkout,
  filter: readonly string[] = [],
): Promise<string | undefined> {
  const { depth, revision, branch, isSingleBranch, repository } = config;
  await clear();
  const options = [
    ...filter,
    "--progress",
    "--no-checkout",
    "--template=",
    isSingleBranch ? "--single-branch" : "--no-single-branch",
    ...(branch === "" ? [] : [`--branch=${branch}`]),
    // A revision that has to be looked for may be as old as the repository.
    ...(depth === undefined || revision !== "" ? [] : [`--depth=${depth}`]),
  ];
  await during(`failed to clone "${repository.url}"`, git(["clone", ...options, "--", repository.url, "."]));
  if ((await git(["for-each-ref", "--count=1"])) === "") {
    await expectRepository(config, git, path);
    return await startEmpty(config, git);
  }
  await fetchRefspecs(config, git);
  if (revision === "") return await during("failed to clone", headCommit(git));
  const heads = isSingleBranch ? `refs/heads/${branch}:refs/heads/${branch}` : "refs/heads/*:refs/heads/*";
  const fetch = ["fetch", "--progress", "--update-head-ok", "--end-of-options", "origin", heads];
  await during(`failed to fetch [${heads}]`, git(fetch));
  return await during("failed to get resolve revision", localRevision(git, revision));
}

async function headCommit(git: Git): Promise<string> {
  return (await git(["rev-parse", "--verify", "HEAD^{commit}"])).trim();
}

/**
 * Git takes any page that it gets, a form to sign in too, for the list of a plain web server's refs, and finds none in
 * it. What has no refs must have said so in git's own protocol.
 */
async function expectRepository({ repository }: GitConfig, git: Git, path: string): Promise<void> {
  const trace = join(path, ".git/packets");
  await git(["ls-remote", "--quiet", "origin"], path, { GIT_TRACE_PACKET: trace });
  const spokenBytes = (await stat(trace).catch(() => undefined))?.size ?? 0;
  await rm(trace, { force: true });
  if (spokenBytes > 0) return;
  const text = `failed to clone "${repository.url}": the server's answer is no git repository's; check git.repo, and whether the host wants credentials`;
  throw new ExecutorError("BadRequest", text);
}

/** The reference leaves this of a repository without commits. */
async function startEmpty({ revision }: GitConfig, git: Git): Promise<undefined> {
  const name = revision === "" ? "master" : revision;
  await git(["config", `branch.${name}.remote`, "origin"]);
  await git(["config", `branch.${name}.merge`, `refs/heads/${name}`]);
}

async function fetchRefspecs({ refspecs, depth }: GitConfig, git: Git): Promise<void> {
  if (refspecs.length === 0) return;
  const options = depth === undefined ? [] : [`--depth=${depth}`];
  const listed = `[${refspecs.join(" ")}]`;
  for (const refspec of refspecs)
    await during(`failed to validate fetch ${listed}`, checkRefspec(git, refspec));
  const fetch = ["fetch", "--progress", "--update-head-ok", ...options, "--end-of-options", "origin"];
  await during(`failed to fetch ${listed}`, git([...fetch, ...refspecs]));
}

/** `+from:to`, either of which may have one star where the other has one; git says no more of a wrong one than 128. */
async function checkRefspec(git: Git, refspec: string): Promise<void> {
  const wrong = new ExecutorError(
    "BadRequest",
    `${JSON.stringify(refspec)} is no refspec such as refs/pull/*:refs/remotes/origin/pull/*`,
  );
  const sides = refspec.replace(/^[+^]/, "").split(":");
  const stars = sides.map((side) => side.split("*").length - 1);
  if (sides.length > 2 || (sides.length === 2 && stars[0] !== stars[1])) throw wrong;
  for (const side of sides) {
    if (side === "") continue;
    try {
      await git(["check-ref-format", "--allow-onelevel", "--refspec-pattern", side]);
    } catch (error) {
      throw isGitStatus(error, 1) ? wrong : error;
    }
  }
}

async function during<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof ExecutorError ? ExecutorError.wrap(error, what) : error;
  }
}
