import { ExecutorError } from "../../../errors/index.ts";
import type { GitLocation, SecretSelector } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";
import { parseRepository, type Repository } from "./repository.ts";

/** A git location with its secrets read and its fields checked (docs/contract/artifacts.md#5.8). */
export interface GitConfig {
  readonly repository: Repository;
  /** Empty: what the remote HEAD, or `branch`, names. */
  readonly revision: string;
  /** Commits of history; undefined for all. */
  readonly depth: number | undefined;
  readonly refspecs: readonly string[];
  readonly branch: string;
  readonly isSingleBranch: boolean;
  readonly hasSubmodules: boolean;
  readonly basicAuth: { readonly username: string; readonly password: string } | undefined;
  readonly sshKey: string | undefined;
  readonly ignoresHostKey: boolean;
  readonly skipsTls: boolean;
}

/** @throws BadRequest naming the field that is wrong. */
export async function readGitConfig(location: GitLocation, context: DriverContext): Promise<GitConfig> {
  const repository = parseRepository(location.repo ?? "");
  const { revision = "", branch = "", depth = 0, fetch = [] } = location;
  if (location.singleBranch === true && branch === "")
    throw new ExecutorError("BadRequest", "single branch mode without a branch specified");
  for (const [name, value] of [
    ["revision", revision],
    ["branch", branch],
    ...fetch.map((each) => ["fetch", each]),
  ])
    checkName(`git.${name}`, value ?? "");
  if (!Number.isInteger(depth) || depth < 0)
    throw new ExecutorError(
      "BadRequest",
      `git.depth must be a whole number of commits such as 1, not ${depth}`,
    );
  const sshKey = await readKey(location.sshPrivateKeySecret, context);
  return {
    repository,
    revision,
    branch,
    depth: depth === 0 ? undefined : depth,
    refspecs: fetch,
    isSingleBranch: location.singleBranch === true,
    hasSubmodules: location.disableSubmodules !== true,
    // The key wins where both are given, as in the reference.
    basicAuth: sshKey === undefined ? await readBasicAuth(location, repository, context) : undefined,
    sshKey,
    ignoresHostKey: location.insecureIgnoreHostKey === true,
    skipsTls: location.insecureSkipTLS === true,
  };
}

/** Git would take a leading dash for an option, and a line break would end a line of its configuration. */
function checkName(field: string, value: string): void {
  if (!value.startsWith("-") && !/\p{Cc}/u.test(value)) return;
  throw new ExecutorError(
    "BadRequest",
    `${field} must not begin with a dash or hold control characters: ${JSON.stringify(value)}`,
  );
}

async function readBasicAuth(
  location: GitLocation,
  repository: Repository,
  context: DriverContext,
): Promise<GitConfig["basicAuth"]> {
  const own = repository.userInfo;
  const username = (await readWord(location.usernameSecret, context)) || (own?.username ?? "");
  const password = (await readWord(location.passwordSecret, context)) || (own?.password ?? "");
  if (/[\r\n\0]/.test(username + password)) {
    throw new ExecutorError(
      "BadRequest",
      "git.usernameSecret and git.passwordSecret must hold one line each",
    );
  }
  return username === "" && password === "" ? undefined : { username, password };
}

async function readWord(selector: SecretSelector | undefined, context: DriverContext): Promise<string> {
  if (!selector?.name) return "";
  return Buffer.from(await context.readSecret(selector))
    .toString()
    .trim();
}

async function readKey(
  selector: SecretSelector | undefined,
  context: DriverContext,
): Promise<string | undefined> {
  if (!selector?.name) return undefined;
  const key = Buffer.from(await context.readSecret(selector)).toString();
  // OpenSSH calls a key whose last line does not end "invalid format"; secrets made with --from-literal lack the end.
  return key.endsWith("\n") ? key : `${key}\n`;
}
