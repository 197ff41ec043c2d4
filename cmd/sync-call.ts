import { tmpdir } from "node:os";
import { ExecutorError } from "../src/errors/index.ts";
import type { KubeClient } from "../src/kube/index.ts";
import type { Logger } from "../src/log/index.ts";
import { type Outcome, Pace, type Repository } from "../src/sync/index.ts";
import { checkReportPath, type Report, writeReport } from "../src/sync/report/index.ts";
import { type Environment, podPaths } from "./environment.ts";
import { type CommandLine, parseCommandLine, textFlag, textsFlag, wholeFlag } from "./flags.ts";
import { once } from "./once.ts";
import { podTools } from "./pod-tools.ts";
import { printOut } from "./standard-output.ts";

/** Which credentials a repository is opened with. */
export type Side = "source" | "target";

/** A command of `argoexec sync`: its own flags, and what it does. */
export interface SyncSubcommand {
  readonly flags: Parameters<typeof parseCommandLine>[1];
  run(call: SyncCall): Promise<Outcome>;
}

/** What every command of `argoexec sync` works with; nothing is connected before it is used. */
export interface SyncCall {
  /** Positionals without the command's name. */
  readonly line: CommandLine;
  readonly env: Environment;
  readonly log: Logger;
  /** Fires when the process is told to stop. */
  readonly stop: AbortSignal;
  readonly temporaryFolder: string;
  /** @param pace default: as fast as it goes */
  openRepository(text: string, side: Side, pace?: Pace): Promise<Repository>;
  /** The same client each time. */
  openKube(): Promise<KubeClient>;
  /** From now on what goes wrong was not used wrongly. */
  begin(): void;
}

/** The flags that every command takes. */
export const sharedFlags = {
  "source-secrets": { type: "string" },
  "target-secrets": { type: "string" },
} as const;

/** The variables that the vendors' own tools read for keys, by the type of a location and the field that takes them. */
const keyVariables = {
  s3: {
    accessKeySecret: "AWS_ACCESS_KEY_ID",
    secretKeySecret: "AWS_SECRET_ACCESS_KEY",
    sessionTokenSecret: "AWS_SESSION_TOKEN",
  },
  azure: { accountKeySecret: "AZURE_STORAGE_KEY" },
  oss: { accessKeySecret: "OSS_ACCESS_KEY_ID", secretKeySecret: "OSS_ACCESS_KEY_SECRET" },
};

/** Hadoop's own tools read it, too. */
const hadoopUserVariable = "HADOOP_USER_NAME";

const unlimited = { requestsPerSecond: undefined, bytesPerSecond: undefined };
const cgroupRoot = "/sys/fs/cgroup";
/** What the runtime, two listings and a report take of a memory limit before transfers may have any. */
const ownBytes = 128 * 1024 * 1024;
const transferBytesMax = 64 * 1024 * 1024;
const transferBytesMin = 16 * 1024 * 1024;

export interface OpenCall extends SyncCall, AsyncDisposable {
  readonly hasBegun: boolean;
}

/** `args` without the command's name. Throws BadRequest for flags that are wrong. */
export async function openCall(
  args: readonly string[],
  env: Environment,
  { flags }: SyncSubcommand,
  stop: AbortSignal,
): Promise<OpenCall> {
  const line = parseCommandLine(args, { ...sharedFlags, ...flags });
  const tools = await podTools(line, env, podPaths(env));
  const { settings } = tools;
  const openTransfers = once(async () => {
    const { TransferSession } = await import("../src/transfer/index.ts");
    return new TransferSession({ retry: settings.retry, memoryBytes: await transferBytes() });
  });
  const openKube = once(() => tools.openKube());
  const connect = () => {
    hasKube = true;
    return openKube();
  };
  let hasBegun = false;
  let hasKube = false;
  const temporaryFolder = env.TMPDIR || tmpdir();
  return {
    line,
    env,
    log: tools.log,
    stop,
    temporaryFolder,
    get hasBegun() {
      return hasBegun;
    },
    begin() {
      hasBegun = true;
    },
    openKube: connect,
    async openRepository(text, side, pace = new Pace(unlimited)) {
      const { openRepository } = await import("../src/sync/index.ts");
      const folder = textFlag(line.flags, `${side}-secrets`);
      const variables = variablesOf(env, side);
      const surroundings = {
        settings,
        transfers: await openTransfers(),
        log: tools.log,
        variables,
        hadoopUser: variables[hadoopUserVariable],
        keyVariables,
        secretFolders: folder === undefined ? [podPaths(env).secrets] : [folder],
        openKube: connect,
        asksClusterForSecrets: folder === undefined,
        pace,
        temporaryFolder,
      };
      return await openRepository(text, surroundings, stop);
    },
    async [Symbol.asyncDispose]() {
      if (hasKube) await (await openKube())[Symbol.asyncDispose]();
    },
  };
}

/** What a command is about, such as a repository: one positional, and no other. Throws BadRequest. */
export function onlyPositional({ line }: SyncCall, what: string, usage: string): string {
  const [text, ...others] = line.positionals;
  if (text !== undefined && others.length === 0) return text;
  throw new ExecutorError("BadRequest", `give one ${what}: argoexec sync ${usage}`);
}

/** Where `--max-delete` says nothing, no run deletes more. */
const deletionsMaxDefault = 1000;

export function readMaxDelete({ line }: SyncCall): number {
  return wholeFlag(line.flags, "max-delete") ?? deletionsMaxDefault;
}

/** The report's files, which `--report` names. Throws BadRequest for an ending that names no format, before any work. */
export function reportPaths({ line }: SyncCall): readonly string[] {
  const paths = textsFlag(line.flags, "report");
  for (const path of paths) checkReportPath(path);
  return paths;
}

const columnsDefault = 80;

/** Hands the report out: into the files that were named, or on standard output: as tables on a terminal, else as JSON. */
export async function tellReport(report: Report, paths: readonly string[]): Promise<void> {
  const snapshot = report.snapshot();
  for (const path of paths) await writeReport(path, snapshot);
  if (paths.length > 0) return;
  if (process.stdout.isTTY === true) {
    const { reportTables } = await import("../src/sync/tables/index.ts");
    await printOut(await reportTables(snapshot, process.stdout.columns || columnsDefault));
  } else {
    await printOut(`${JSON.stringify(snapshot)}\n`);
  }
}

/** `SOURCE_X` and `TARGET_X` go before `X`: each side has credentials of its own. */
function variablesOf(env: Environment, side: Side): Environment {
  const prefix = `${side.toUpperCase()}_`;
  const own = Object.entries(env)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value]);
  return { ...env, ...Object.fromEntries(own) };
}

async function transferBytes(): Promise<number> {
  const { readMemoryLimit } = await import("../src/transfer/index.ts");
  const limitBytes = (await readMemoryLimit(cgroupRoot)) ?? Number.POSITIVE_INFINITY;
  return Math.max(transferBytesMin, Math.min(transferBytesMax, Math.floor((limitBytes - ownBytes) / 2)));
}
