import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DriverSettings, ProgramSettings } from "../../driver.ts";
import type { GitConfig } from "./config.ts";
import { protocols } from "./repository.ts";

export const usualPrograms: ProgramSettings = {
  searchPath: "/usr/bin:/bin",
  home: "/root",
  knownHostsFiles: [],
  skipsLfs: false,
  temporaryFolder: "/tmp",
};

/** What git and ssh read while one artifact is loaded, in a folder that is theirs alone and goes with it. */
export interface GitSurroundings extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Writes git's and ssh's configuration: nothing of the machine's own counts, no hook and no filter runs, and
 * credentials are in files of mode 0600, so that no command line, environment or `.git/config` has them.
 */
export async function openSurroundings(
  config: GitConfig,
  settings: DriverSettings,
): Promise<GitSurroundings> {
  const programs = settings.programs ?? usualPrograms;
  const folder = await mkdtemp(join(programs.temporaryFolder, "argoexec-git-"));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const place = async (name: string, content: string) => {
      const path = join(folder, name);
      await writeFile(path, content, { mode: 0o600, flag: "wx" });
      return path;
    };
    const roots = settings.caPem === undefined ? undefined : await place("roots.pem", settings.caPem);
    const credentials = await placeCredentials(config, place);
    const key = config.sshKey === undefined ? undefined : await place("key", config.sshKey);
    const ssh = await place("ssh_config", sshConfig(config, settings, key));
    const gitConfig = await place("gitconfig", gitConfigText(config, credentials, roots));
    const env = {
      ...proxyVariables(settings.proxy),
      PATH: programs.searchPath,
      HOME: folder,
      LC_ALL: "C.UTF-8",
      GIT_CONFIG_GLOBAL: gitConfig,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_ATTR_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ALLOW_PROTOCOL: protocols.join(":"),
      GIT_SSH_COMMAND: `ssh -F ${shellQuoted(ssh)}`,
      GIT_SSH_VARIANT: "ssh",
      GIT_LFS_FORCE_PROGRESS: "1",
      ...(roots === undefined ? {} : { SSL_CERT_FILE: roots }),
    };
    return { env, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The credential belongs to the repository's own host; what submodules, LFS and redirects name elsewhere gets none. */
async function placeCredentials(
  { repository, basicAuth }: GitConfig,
  place: (name: string, content: string) => Promise<string>,
): Promise<string | undefined> {
  if (basicAuth === undefined || repository.origin === undefined) return undefined;
  const { username, password } = basicAuth;
  const [scheme, host] = repository.origin.split("://");
  return await place("credentials", `${scheme}://${encode(username)}:${encode(password)}@${host}\n`);
}

function gitConfigText(
  config: GitConfig,
  credentials: string | undefined,
  roots: string | undefined,
): string {
  const { repository, skipsTls } = config;
  const lines = [
    "[core]",
    "hooksPath = /dev/null",
    "fsmonitor = false",
    "attributesFile = /dev/null",
    "excludesFile = /dev/null",
    // What is larger goes to disk as a stream; a container may have 64 MiB in all.
    "bigFileThreshold = 8m",
    "packedGitLimit = 64m",
    "packedGitWindowSize = 8m",
    "deltaBaseCacheLimit = 16m",
    "[pack]",
    "threads = 1",
    "[init]",
    "defaultBranch = master",
    "templateDir =",
    "[advice]",
    "detachedHead = false",
    "[gc]",
    "auto = 0",
    "[maintenance]",
    "auto = false",
    // The folder may belong to the volume's group or to root; what is in it is our own work.
    "[safe]",
    "directory = *",
    "[fetch]",
    "recurseSubmodules = false",
    "[credential]",
    "helper =",
    ...(credentials === undefined ? [] : [`helper = ${quoted(`store --file=${shellQuoted(credentials)}`)}`]),
    "[http]",
    // Servers that prepare a pack say five bytes in five seconds.
    "lowSpeedLimit = 1",
    "lowSpeedTime = 60",
    ...(roots === undefined ? [] : [`sslCAInfo = ${quoted(roots)}`]),
    ...(skipsTls && repository.origin !== undefined
      ? [`[http ${quoted(repository.origin)}]`, "sslVerify = false"]
      : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** Host keys are looked up where the reference does (docs/contract/artifacts.md#5.8). */
function sshConfig(config: GitConfig, settings: DriverSettings, key: string | undefined): string {
  const { knownHostsFiles, home } = settings.programs ?? usualPrograms;
  const isGiven = knownHostsFiles.length > 0;
  const user = isGiven ? knownHostsFiles : [join(home, ".ssh/known_hosts")];
  const hostKeys = config.ignoresHostKey
    ? ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null", "GlobalKnownHostsFile /dev/null"]
    : [
        "StrictHostKeyChecking yes",
        `UserKnownHostsFile ${user.map(quoted).join(" ")}`,
        `GlobalKnownHostsFile ${isGiven ? "/dev/null" : "/etc/ssh/ssh_known_hosts"}`,
      ];
  const lines = [
    ...hostKeys,
    ...proxyCommand(settings),
    `IdentityFile ${key === undefined ? "none" : quoted(key)}`,
    "IdentitiesOnly yes",
    "IdentityAgent none",
    "PreferredAuthentications publickey",
    // Where the address names no user.
    "User git",
    "BatchMode yes",
    "UpdateHostKeys no",
    "LogLevel ERROR",
    "ConnectTimeout 30",
    "ServerAliveInterval 15",
    "ServerAliveCountMax 4",
  ];
  return `${lines.join("\n")}\n`;
}

/** ssh knows no proxies: a program of ours goes through that of the environment, or around it where NO_PROXY says so. */
function proxyCommand({ proxy, programs }: DriverSettings): readonly string[] {
  const { tunnel = [] } = programs ?? usualPrograms;
  if (tunnel.length === 0 || !proxy.httpsProxy) return [];
  const words = tunnel.map((word) => shellQuoted(word).replaceAll("%", "%%"));
  return [`ProxyCommand ${words.join(" ")} %h %p`];
}

/** One setting holds for git, for curl in it and for git-lfs, whatever spelling they read. */
function proxyVariables({ httpProxy, httpsProxy, noProxy }: DriverSettings["proxy"]): Record<string, string> {
  const pairs = [
    ["http_proxy", httpProxy],
    ["https_proxy", httpsProxy],
    ["no_proxy", noProxy],
  ] as const;
  const variables: Record<string, string> = {};
  for (const [name, value] of pairs) {
    if (value === undefined || value === "") continue;
    variables[name] = value;
    variables[name.toUpperCase()] = value;
  }
  return variables;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** As git's and ssh's configuration files take it. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
