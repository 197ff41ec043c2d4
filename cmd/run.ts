import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import {
  type Repository,
  type RunSignals,
  readRepository,
  runTemplate,
  s3Repository,
  shortTemporaryFolder,
  Terminal,
} from "../desk/index.ts";
import type { ArtifactDriver, DriverContext } from "../src/artifacts/index.ts";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import { type Logger, openLogger } from "../src/log/index.ts";
import type { ArtifactLocation } from "../src/template/index.ts";
import { type Environment, readDriverSettings } from "./environment.ts";
import { type FlagValues, parseCommandLine, textFlag } from "./flags.ts";
import { type Invocation, programPath } from "./invocation.ts";
import { once } from "./once.ts";

const runFlags = {
  template: { type: "string" },
  param: { type: "string", short: "p", multiple: true },
  artifact: { type: "string", short: "a", multiple: true },
  out: { type: "string" },
  keep: { type: "boolean" },
  verbose: { type: "boolean", short: "v" },
  repository: { type: "string" },
  "s3-endpoint": { type: "string" },
  "s3-bucket": { type: "string" },
} as const;

/** Variables of the user's that every container gets. */
const passedOn = ["PATH", "HOME", "TERM", "LANG"];
/** Those that the executor's own connections obey. */
const passedToExecutor = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE"];
const driverMemoryBytes = 64 * 1024 * 1024;

/** `argoexec run FILE`: one template on this machine (docs/run.md). */
export async function runCommand({ args, env }: Invocation): Promise<number> {
  const signals = catchStops();
  const line = parseCommandLine(args, runFlags);
  const { flags, positionals } = line;
  const [source, ...others] = positionals;
  if (source === undefined || others.length > 0) {
    throw new ExecutorError(
      "BadRequest",
      "run takes one file: argoexec run FILE [--template NAME] [--param NAME=VALUE]",
    );
  }
  const log = openLogger(flags.verbose ? line.logLevel : "error", line.logFormat);
  const config = {
    text: await readText(source),
    source,
    template: textFlag(flags, "template"),
    parameters: pairs(flags, "param"),
    artifacts: pairs(flags, "artifact"),
    out: textFlag(flags, "out") ?? "argo-out",
    keeps: flags.keep === true,
    isVerbose: flags.verbose === true,
    repository: await readStore(flags, env),
    program: programPath(),
    temporary: shortTemporaryFolder(tmpdir()),
    baseEnv: pick(env, passedOn),
    executorEnv: { ...pick(env, passedToExecutor), NO_PROXY: withLoopback(env.NO_PROXY ?? env.no_proxy) },
  };
  const terminal = new Terminal((text) => void process.stdout.write(text), hasColours(env));
  return runTemplate(config, { terminal, log, openDriver: await driverOpener(env, log) }, signals);
}

/** Ctrl-C ends the pod in order, a second one at once. */
function catchStops(): RunSignals {
  const stop = new AbortController();
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => (stop.signal.aborted ? abort : stop).abort());
  }
  return { stop: stop.signal, abort: abort.signal };
}

async function driverOpener(env: Environment, log: Logger) {
  const direct = { ...env, NO_PROXY: withLoopback(env.NO_PROXY ?? env.no_proxy) };
  const settings = await readDriverSettings(direct);
  const openTransfers = once(async () => {
    const { TransferSession } = await import("../src/transfer/index.ts");
    return new TransferSession({ retry: settings.retry, memoryBytes: driverMemoryBytes });
  });
  return async (
    location: ArtifactLocation,
    readSecret: DriverContext["readSecret"],
  ): Promise<ArtifactDriver> => {
    const { openDriver } = await import("../src/artifacts/index.ts");
    return openDriver(location, { readSecret, settings, transfers: await openTransfers(), log });
  };
}

/** A store of the user's, instead of the one that lives as long as the run. */
async function readStore(flags: FlagValues, env: Environment): Promise<Repository | undefined> {
  const file = textFlag(flags, "repository");
  const endpoint = textFlag(flags, "s3-endpoint");
  const credentials = {
    accessKeyId: env.AWS_ACCESS_KEY_ID,
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
    sessionToken: env.AWS_SESSION_TOKEN,
  };
  if (file !== undefined) return readRepository(await readText(file), file, credentials);
  if (endpoint === undefined) return undefined;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const bucket = textFlag(flags, "s3-bucket");
  if (!url || !/^https?:$/.test(url.protocol) || bucket === undefined) {
    throw new ExecutorError(
      "BadRequest",
      "--s3-endpoint is a URL such as http://localhost:9000, and needs --s3-bucket",
    );
  }
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  if (!accessKeyId || !secretAccessKey) {
    throw new ExecutorError(
      "Unauthorized",
      "--s3-endpoint needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    );
  }
  return s3Repository({
    endpoint: url.host,
    bucket,
    isInsecure: url.protocol === "http:",
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ExecutorError("NotFound", `${path} cannot be read: ${errorText(cause)}`, { cause });
  }
}

function pairs(flags: FlagValues, name: string): ReadonlyMap<string, string> {
  const values = flags[name];
  const texts = Array.isArray(values) ? values : [];
  return new Map(
    texts.map((text: unknown) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(String(text)) ?? [];
      if (key !== undefined && value !== undefined) return [key, value];
      throw new ExecutorError("BadRequest", `--${name} takes NAME=VALUE, not "${String(text)}"`);
    }),
  );
}

function pick(env: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  ) as Record<string, string>;
}

/** Our own servers are on loopback, and no proxy leads there. */
function withLoopback(noProxy: string | undefined): string {
  return [noProxy, "127.0.0.1", "localhost"].filter(Boolean).join(",");
}

function hasColours(env: Environment): boolean {
  return process.stdout.isTTY === true && !env.NO_COLOR;
}
