import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ExecutorError } from "../../../errors/index.ts";
import { exponential, retry } from "../../../retry/index.ts";
import type { GitLocation } from "../../../template/index.ts";
import type { ArtifactDriver, DriverContext } from "../../driver.ts";
import { unsupportedDeletion, unsupportedListing } from "../../unsupported.ts";
import { checkout } from "./checkout.ts";
import { type GitConfig, readGitConfig } from "./config.ts";
import { runGit } from "./run-git.ts";
import { openSurroundings, usualPrograms } from "./surroundings.ts";
import type { Git } from "./work.ts";

/** Git shows progress every second; a large tree on a slow volume may still take its time between two lines. */
const silenceMaxMs = 5 * 60_000;

/** Repositories, by the system's git; input only (docs/contract/artifacts.md#5.8). */
export async function openGitDriver(location: GitLocation, context: DriverContext): Promise<ArtifactDriver> {
  const config = await readGitConfig(location, context);
  const unsupportedSaving = async (): Promise<never> => {
    throw new ExecutorError("BadRequest", "git output artifacts unsupported");
  };
  return {
    async open(_, signal) {
      return { kind: "directory", download: (path) => download(config, context, path, signal) };
    },
    saveFile: unsupportedSaving,
    saveTree: unsupportedSaving,
    ...unsupportedDeletion,
    list: unsupportedListing,
    async [Symbol.asyncDispose]() {},
  };
}

async function download(
  config: GitConfig,
  { settings, log }: DriverContext,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const attempt = async () => {
    await empty(path);
    await using surroundings = await openSurroundings(config, settings);
    const run = { env: surroundings.env, folder: path, secrets: secretsOf(config), silenceMaxMs };
    const git: Git = (args, folder = path, env = {}) =>
      runGit(args, { ...run, folder, env: { ...run.env, ...env } }, signal);
    const { skipsLfs } = settings.programs ?? usualPrograms;
    await checkout(config, { git, path, clear: () => empty(path), log, skipsLfs });
  };
  const onRetry = ({ message }: Error, pauseMs: number) =>
    log.warn({ error: message, pauseMs: Math.round(pauseMs) }, "git failed, trying again");
  await retry(exponential(settings.retry), attempt, signal, { onRetry });
}

/** Removes what an attempt before this one left. */
async function empty(path: string): Promise<void> {
  for (const entry of await readdir(path)) await rm(join(path, entry), { recursive: true, force: true });
}

function secretsOf({ basicAuth, sshKey }: GitConfig): readonly string[] {
  return [basicAuth?.username, basicAuth?.password, sshKey?.trim()].flatMap((each) => (each ? [each] : []));
}
