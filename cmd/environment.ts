import { readFileSync } from "node:fs";
import type { DriverSettings } from "../src/artifacts/index.ts";
import { ExecutorError, errorText, type TextPattern } from "../src/errors/index.ts";
import type { ProxySettings } from "../src/http/index.ts";
import { PodPaths } from "../src/podfiles/index.ts";
import { parseGoDuration, parseTemplate, type Template } from "../src/template/index.ts";
import { Keeper } from "./keeper.ts";

/** The process environment; read here and nowhere else. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Go's zero time: no deadline. */
const noDeadline = "0001-01-01T00:00:00Z";

/** What init, wait and supervisor have in common (docs/contract/pod.md#2.1, 5.1). */
export interface PodEnvironment {
  readonly paths: PodPaths;
  readonly containerName: string;
  readonly podName: string;
  readonly podUid: string;
  readonly nodeId: string;
  readonly workflowName: string;
  readonly workflowUid: string;
  readonly instanceId: string | undefined;
  readonly template: Template;
  readonly templateJson: string;
  readonly includesResult: boolean;
  readonly isInitless: boolean;
  readonly deadlineMs: number | undefined;
  readonly gracePeriodMs: number;
  readonly progress: { readonly file: string; readonly tickMs: number } | undefined;
  readonly pluginContainers: readonly string[];
  readonly inputPlugins: readonly string[];
}

/** Reads and checks everything at once: every problem is named in one BadRequest. */
export function readPodEnvironment(env: Environment): PodEnvironment {
  const { problems, checked } = collectProblems();
  const paths = podPaths(env);
  const podName = env.ARGO_POD_NAME ?? "";
  if (podName === "") problems.push("ARGO_POD_NAME must be set to the pod's name (fieldRef metadata.name)");
  const { json, source } = checked(() => templateText(env, paths), { json: "{}", source: "" });
  const template = checked(() => parseTemplate(json, source), {});
  const deadlineMs = checked(() => readDeadline(env.ARGO_DEADLINE), undefined);
  if (problems.length > 0) throw new ExecutorError("BadRequest", problems.join("; "));
  return {
    paths,
    containerName: env.ARGO_CONTAINER_NAME ?? "",
    podName,
    podUid: env.ARGO_POD_UID ?? "",
    nodeId: env.ARGO_NODE_ID ?? "",
    workflowName: env.ARGO_WORKFLOW_NAME ?? "",
    workflowUid: env.ARGO_WORKFLOW_UID ?? "",
    instanceId: env.ARGO_INSTANCE_ID || undefined,
    template,
    templateJson: json,
    includesResult: env.ARGO_INCLUDE_SCRIPT_OUTPUT === "true",
    isInitless: env.ARGO_INITLESS_POD === "true",
    deadlineMs,
    gracePeriodMs: readGracePeriod(env.ARGO_TERMINATION_GRACE_PERIOD_SECONDS),
    progress: readProgressSettings(env),
    pluginContainers: commaList(env.ARGO_ARTIFACT_PLUGIN_NAMES),
    inputPlugins: commaList(env.ARGO_INPUT_ARTIFACT_PLUGIN_NAMES),
  };
}

/** `checked` reads a setting, or notes what is wrong with it and goes on, so that all problems are told at once. */
export function collectProblems() {
  const problems: string[] = [];
  const checked = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      problems.push(errorText(error));
      return otherwise;
    }
  };
  return { problems, checked };
}

export function podPaths(env: Environment): PodPaths {
  return new PodPaths(env.ARGOEXEC_ROOT ?? "");
}

/** The variable, the offloaded file, or what init left on the shared volume (docs/contract/pod.md#2.1). */
function templateText(env: Environment, paths: PodPaths): { json: string; source: string } {
  const value = env.ARGO_TEMPLATE;
  if (value !== undefined && value !== "" && value !== "offloaded")
    return { json: value, source: "ARGO_TEMPLATE" };
  const source = value === "offloaded" ? paths.offloadedTemplate : paths.template;
  // A collector believes only what was there before the step began.
  const keeper = new Keeper(env);
  const kept = keeper.readTemplate();
  if (kept !== undefined) return { json: kept, source };
  try {
    if (keeper.keepsState) throw new Error(`open ${source}: no such file or directory`);
    return { json: readFileSync(source, "utf8"), source };
  } catch (cause) {
    const hint = value === undefined ? "ARGO_TEMPLATE is not set, and " : "";
    throw new ExecutorError("BadRequest", `${hint}the template cannot be read: ${errorText(cause)}`, {
      cause,
    });
  }
}

function readDeadline(text: string | undefined): number | undefined {
  if (text === noDeadline) return undefined;
  const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
  const ms = text !== undefined && shape.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new ExecutorError(
      "BadRequest",
      `ARGO_DEADLINE must be a time such as 2026-01-31T12:00:00Z, or ${noDeadline} for none, not ${JSON.stringify(text ?? "")}`,
    );
  }
  return ms;
}

/** Milliseconds; 30 s where the variable is absent or not a number above zero (docs/contract/pod.md#2.1). */
export function readGracePeriod(text: string | undefined): number {
  const seconds = /^\d+$/.test(text ?? "") ? Number(text) : 0;
  return (seconds > 0 ? seconds : 30) * 1000;
}

/** Progress is watched only where both ticks are durations above zero (docs/contract/pod.md#2.1). */
function readProgressSettings(env: Environment): PodEnvironment["progress"] {
  const file = env.ARGO_PROGRESS_FILE;
  const ticks = [env.ARGO_PROGRESS_PATCH_TICK_DURATION, env.ARGO_PROGRESS_FILE_TICK_DURATION].map((text) => {
    try {
      return parseGoDuration(text ?? "0", "tick");
    } catch {
      // A malformed tick switches monitoring off, as it does in every release.
      return 0;
    }
  });
  const [tickMs = 0, fileTickMs = 0] = ticks;
  return file && tickMs > 0 && fileTickMs > 0 ? { file, tickMs } : undefined;
}

export function commaList(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** What operators set for artifact drivers (docs/contract/pod.md#2.2, docs/contract/artifacts.md#4). */
export async function readDriverSettings(env: Environment): Promise<DriverSettings> {
  const partSize = wholeNumber(env, "ARTIFACT_S3_UPLOAD_PART_SIZE_MIB", { from: 5, to: 5120 });
  return {
    retry: {
      attempts: positiveNumber(env, "EXECUTOR_RETRY_BACKOFF_STEPS", 5),
      durationMs: backoffDuration(env, "EXECUTOR_RETRY_BACKOFF_DURATION", 1000),
      factor: positiveNumber(env, "EXECUTOR_RETRY_BACKOFF_FACTOR", 1.6),
      jitter: positiveNumber(env, "EXECUTOR_RETRY_BACKOFF_JITTER", 0.5),
    },
    uploadThreads: wholeNumber(env, "ARTIFACT_S3_UPLOAD_THREADS", { from: 1, to: 1000 }) ?? 4,
    partSizeBytes: partSize === undefined ? undefined : partSize * 1024 * 1024,
    transientPattern: await readPattern(env.TRANSIENT_ERROR_PATTERN),
    identityVariables: readIdentityVariables(env),
    caPem: await readCaRoots(env),
    proxy: readProxies(env),
    programs: readProgramSettings(env),
  };
}

/** The roots to trust beside Node's own; few pods name any, and the others do not load what reads them. */
export async function readCaRoots(env: Environment): Promise<string | undefined> {
  if (!env.SSL_CERT_FILE && !env.SSL_CERT_DIR) return undefined;
  const { readRoots } = await import("../src/http/index.ts");
  return readRoots({ file: env.SSL_CERT_FILE, folders: env.SSL_CERT_DIR });
}

export function readProxies(env: Environment): ProxySettings {
  return {
    httpProxy: env.HTTP_PROXY ?? env.http_proxy,
    httpsProxy: env.HTTPS_PROXY ?? env.https_proxy,
    noProxy: env.NO_PROXY ?? env.no_proxy,
  };
}

function readProgramSettings(env: Environment): DriverSettings["programs"] & object {
  return {
    searchPath: env.PATH ?? "/bin",
    home: env.HOME ?? "/root",
    knownHostsFiles: (env.SSH_KNOWN_HOSTS ?? "").split(":").filter((file) => file !== ""),
    skipsLfs: ["1", "t", "true", "yes", "on"].includes((env.GIT_LFS_SKIP_SMUDGE ?? "").toLowerCase()),
    temporaryFolder: env.TMPDIR || "/tmp",
    tunnel: [process.execPath, process.argv[1] ?? "", "ssh-tunnel"],
  };
}

/** Those that name an identity of Google Cloud, Azure or Alibaba Cloud, and where their SDKs look for files. */
function readIdentityVariables(env: Environment): DriverSettings["identityVariables"] {
  const prefixes = /^(GOOGLE|GCE_METADATA|AZURE|IDENTITY|MSI|IMDS|ALIBABA_CLOUD)_/;
  const names = ["CLOUDSDK_CONFIG", "STORAGE_EMULATOR_HOST", "HOME"];
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => prefixes.test(name) || names.includes(name)),
  );
}

/** Undefined where the variable is not set. Throws BadRequest for what is no such number. */
function wholeNumber(
  env: Environment,
  name: string,
  range: { readonly from: number; readonly to: number },
): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.from && value <= range.to) return value;
  throw new ExecutorError(
    "BadRequest",
    `${name} must be a whole number from ${range.from} to ${range.to}, not ${JSON.stringify(text)}`,
  );
}

function positiveNumber(env: Environment, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new ExecutorError(
    "BadRequest",
    `${name} must be a number such as ${otherwise}, not ${JSON.stringify(text)}`,
  );
}

/** `RETRY_BACKOFF_*`: how often and how patiently the API server is asked for a Secret (docs/contract/roles.md#8.2). */
export function readApiBackoff(env: Environment) {
  return {
    attempts: positiveNumber(env, "RETRY_BACKOFF_STEPS", 5),
    durationMs: backoffDuration(env, "RETRY_BACKOFF_DURATION", 10),
    factor: positiveNumber(env, "RETRY_BACKOFF_FACTOR", 2),
    jitter: 0,
  };
}

/** Those of `RETRY_BACKOFF_*` that are set: how `artifact delete` asks stores again (docs/contract/roles.md#8.2). */
export function readDeleteRetry(env: Environment): Partial<DriverSettings["retry"]> {
  const { attempts, durationMs, factor } = readApiBackoff(env);
  return {
    ...(env.RETRY_BACKOFF_STEPS ? { attempts } : {}),
    ...(env.RETRY_BACKOFF_DURATION ? { durationMs } : {}),
    ...(env.RETRY_BACKOFF_FACTOR ? { factor } : {}),
  };
}

function backoffDuration(env: Environment, name: string, otherwiseMs: number): number {
  const text = env[name];
  return text === undefined || text === "" ? otherwiseMs : parseGoDuration(text, name);
}

/**
 * `TRANSIENT_ERROR_PATTERN`, which is RE2: loaded only where it is set, for it is more code than a pod's other parts.
 * Throws BadRequest for a pattern that cannot be read.
 */
export async function readPattern(text: string | undefined): Promise<TextPattern | undefined> {
  if (!text) return undefined;
  const { compileRegexp, matchesAnywhere } = await import("../languages/text/regexp.ts");
  try {
    const compiled = compileRegexp(text);
    return { test: (message) => matchesAnywhere(compiled, message) };
  } catch (cause) {
    throw new ExecutorError(
      "BadRequest",
      `TRANSIENT_ERROR_PATTERN must be a regular expression as RE2 has them, not ${JSON.stringify(text)}: ${errorText(cause)}`,
      { cause },
    );
  }
}
