import { readFileSync } from "node:fs";
import { issuePluginTokens, loadAgent, type PluginAddress } from "../src/agent/index.ts";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import { readRoots } from "../src/http/index.ts";
import type { PodPaths } from "../src/podfiles/index.ts";
import { exponential } from "../src/retry/index.ts";
import { parseGoDuration } from "../src/template/index.ts";
import { type Environment, podPaths, readApiBackoff, readProxies } from "./environment.ts";
import { parseCommandLine } from "./flags.ts";
import type { Invocation } from "./invocation.ts";
import { catchTerm } from "./signals.ts";
import { openTracing } from "./tracing.ts";
import { version } from "./version.ts";

/** `argoexec agent init` and `argoexec agent main`: the containers of a workflow's agent pod (docs/contract/roles.md#1). */
export async function agentCommand(invocation: Invocation): Promise<number> {
  const [which] = parseCommandLine(invocation.args, {}).positionals;
  if (which === "init") return initCommand(invocation.env);
  if (which === "main") return mainCommand(invocation);
  throw new ExecutorError("BadRequest", `usage: argoexec agent init | main, not "${which ?? ""}"`);
}

function initCommand(env: Environment): number {
  issuePluginTokens(podPaths(env), nameList(env, "ARGO_PLUGIN_NAMES"));
  return 0;
}

async function mainCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  const line = parseCommandLine(args, {});
  const config = readAgentEnvironment(env);
  const { podTools } = await import("./pod-tools.ts");
  const { readSecretKey, TaskSet } = await import("../src/kube/index.ts");
  const { openKube, log } = await podTools(line, env, config.paths);
  await using kube = await openKube();
  // The controller mounts the Secret argo-workflows-agent-ca-certificates here, if there is one.
  const roots = {
    file: env.SSL_CERT_FILE,
    folders: env.SSL_CERT_DIR,
    mounted: `${config.paths.root}/etc/ssl/certs/ca-certificates`,
  };
  const secretPolicy = exponential(readApiBackoff(env));
  const tools = {
    taskSet: new TaskSet(kube, config.workflowName),
    log,
    readRoots: () => readRoots(roots),
    readSecret: async (name: string, key: string, signal: AbortSignal) =>
      (await readSecretKey(kube, { name, key }, secretPolicy, signal)).toString("utf8"),
  };
  const agent = await loadAgent();
  await using _tracing = await openTracing(env, log);
  await agent({ ...config, namespace: kube.namespace }, tools, stop);
  return 0;
}

/** The variables of an agent's containers (docs/contract/roles.md#1.2); every problem is named in one BadRequest. */
function readAgentEnvironment(env: Environment) {
  const problems: string[] = [];
  const checked = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      problems.push(errorText(error));
      return otherwise;
    }
  };
  const paths = podPaths(env);
  for (const name of ["ARGO_WORKFLOW_NAME", "ARGO_WORKFLOW_UID"]) {
    if (!env[name]) problems.push(`${name} must be set to that of the workflow`);
  }
  const config = {
    paths,
    workflowName: env.ARGO_WORKFLOW_NAME ?? "",
    workflowUid: env.ARGO_WORKFLOW_UID ?? "",
    plugins: checked(() => readPlugins(env, paths), []),
    workers: checked(() => positiveInteger(env, "ARGO_AGENT_TASK_WORKERS", 16), 16),
    patchRateMs: checked(() => duration(env, "ARGO_AGENT_PATCH_RATE", "10s"), 10_000),
    httpTimeoutMs: checked(() => duration(env, "ARGO_AGENT_HTTP_TIMEOUT", "10m"), 600_000),
    journalPath: paths.agentJournal,
    proxy: readProxies(env),
    userAgent: `argoexec/${version} argo-workflows/${version} argo-executor/agent`,
  };
  if (problems.length > 0) throw new ExecutorError("BadRequest", problems.join("; "));
  return config;
}

/** Addresses and names stand in the same order; each plugin's token lies where `agent init` put it. */
function readPlugins(env: Environment, paths: PodPaths): readonly PluginAddress[] {
  const names = nameList(env, "ARGO_PLUGIN_NAMES");
  return nameList(env, "ARGO_PLUGIN_ADDRESSES").map((url, index) => {
    if (!URL.canParse(url)) {
      throw new ExecutorError(
        "BadRequest",
        `ARGO_PLUGIN_ADDRESSES must list URLs, not ${JSON.stringify(url)}`,
      );
    }
    const path = paths.pluginToken(names[index] ?? "");
    try {
      return { url, token: readFileSync(path, "utf8") };
    } catch (cause) {
      throw new ExecutorError("BadRequest", `the token of the plugin at ${url}: ${errorText(cause)}`, {
        cause,
      });
    }
  });
}

/** A JSON array of text; absent, empty and `null` are none. */
function nameList(env: Environment, name: string): readonly string[] {
  const text = env[name] || "null";
  let value: unknown;
  try {
    value = JSON.parse(text) ?? [];
  } catch {
    value = undefined;
  }
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new ExecutorError("BadRequest", `${name} must be a JSON array such as ["a"], or null, not ${text}`);
}

function positiveInteger(env: Environment, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new ExecutorError("BadRequest", `${name} must be a number such as ${otherwise}, not "${text}"`);
}

function duration(env: Environment, name: string, otherwise: string): number {
  return parseGoDuration(env[name] || otherwise, name);
}
