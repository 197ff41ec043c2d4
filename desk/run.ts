import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactDriver } from "../src/artifacts/index.ts";
import { ExecutorError } from "../src/errors/index.ts";
import type { Logger } from "../src/log/index.ts";
import {
  type ArtifactLocation,
  type Outputs,
  type SecretSelector,
  templateType,
} from "../src/template/index.ts";
import type { ApiServer } from "./api-server/index.ts";
import { type DeskServers, type Repository, startDeskServers } from "./desk-servers.ts";
import { locateInputs } from "./input-files.ts";
import { DeskPod, type KeyedData, type Pod, type PodEnd } from "./kubelet/index.ts";
import { LiveOutput } from "./live-output.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { fetchArtifacts, openOutputFolder } from "./output-folder.ts";
import { templateVariables } from "./parameters.ts";
import { buildPod } from "./pod-builder.ts";
import { type PodNames, podNames } from "./pod-plan.ts";
import { exitStatus, printReport } from "./report.ts";
import type { Terminal } from "./terminal.ts";
import { substitute } from "./variables.ts";
import type { DeskTemplate } from "./workflow.ts";

export interface RunConfig {
  /** The manifest and where it came from. */
  readonly text: string;
  readonly source: string;
  readonly template: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
  /** Local files and folders by input artifact. */
  readonly artifacts: ReadonlyMap<string, string>;
  readonly out: string;
  /** The private folder stays, for a look at what main left. */
  readonly keeps: boolean;
  readonly isVerbose: boolean;
  /** Undefined: a store of our own, for this run. */
  readonly repository: Repository | undefined;
  /** The static program of an installation. */
  readonly program: string;
  readonly temporary: string;
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly executorEnv: Readonly<Record<string, string>>;
}

export interface RunTools {
  readonly terminal: Terminal;
  readonly log: Logger;
  readonly openDriver: (
    location: ArtifactLocation,
    readSecret: (selector: SecretSelector) => Promise<Uint8Array>,
  ) => Promise<ArtifactDriver>;
}

export interface RunSignals {
  /** End in order: containers get TERM and their grace period. */
  readonly stop: AbortSignal;
  /** End at once. */
  readonly abort: AbortSignal;
}

/**
 * Runs one template on this machine, without a cluster, with the same init, emissary and wait as in a pod.
 * Resolves to the exit status: 0, the user's code, or 64.
 */
export async function runTemplate(config: RunConfig, tools: RunTools, signals: RunSignals): Promise<number> {
  const startedMs = Date.now();
  const manifest = await readManifest(config.text, config.source, config.template);
  const names = podNames(manifest);
  const variables = await templateVariables(manifest, names, config.parameters);
  const substituted = await substitute(withoutParameters(manifest.template), variables);
  await openOutputFolder(config.out);
  await using servers = await startDeskServers(config.temporary, names.namespace, config.repository);
  const secrets = { ...manifest.secrets, ...servers.repository.secrets };
  const openDriver = (location: ArtifactLocation) =>
    tools.openDriver(location, (selector) => readSecret(secrets, selector));
  const { location } = servers.repository;
  const artifacts = await locateInputs(
    manifest,
    substituted.inputs?.artifacts ?? [],
    config.artifacts,
    { openDriver, log: tools.log, location, folder: joinFolder(names), program: config.program },
    signals.stop,
  );
  const template: DeskTemplate = { ...substituted, inputs: { artifacts } };
  printTitle(tools.terminal, config, names, template);
  const manifestPod = buildPod({ manifest, template, names, repository: location });
  const { end, restore } = await runPod(config, tools, signals, {
    manifest,
    servers,
    secrets,
    pod: manifestPod,
    names,
  });
  const outputs = readOutputs(servers.api, names, restore);
  const fetched = await fetchArtifacts(
    outputs?.artifacts ?? [],
    podArchiveLocation(manifestPod),
    config.out,
    { openDriver, log: tools.log },
    signals.abort,
  );
  await writeFile(join(config.out, "outputs.json"), `${JSON.stringify(outputs ?? {}, undefined, 2)}\n`);
  const sidecars = (template.sidecars ?? []).map(({ name }) => name);
  const outcome = {
    pod: manifestPod,
    end,
    outputs,
    artifacts: fetched,
    sidecars,
    elapsedMs: Date.now() - startedMs,
    restore,
  };
  printReport(tools.terminal, outcome, config.out);
  return exitStatus(outcome);
}

function printTitle(
  terminal: Terminal,
  { source }: RunConfig,
  { workflow }: PodNames,
  template: DeskTemplate,
) {
  const name = terminal.paint("bold", workflow);
  const what = `${templateType(template)} template ${template.name ?? ""}`.trimEnd();
  terminal.line(`${name}: ${what} of ${source}\n`);
}

interface PodRun {
  readonly manifest: Manifest;
  readonly servers: DeskServers;
  readonly secrets: KeyedData;
  readonly pod: Pod;
  readonly names: PodNames;
}

async function runPod(
  config: RunConfig,
  { terminal }: RunTools,
  { stop, abort }: RunSignals,
  run: PodRun,
): Promise<{ end: PodEnd; restore: (text: string) => string }> {
  const { pod, servers, names } = run;
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
  const live = new LiveOutput(terminal, all, ["init", "wait", "supervisor"], config.isVerbose);
  await using desk = await DeskPod.prepare({
    pod,
    program: config.program,
    temporary: config.temporary,
    baseEnv: config.baseEnv,
    executorEnv: config.executorEnv,
    executorArgs: servers.apiFlags,
    secrets: run.secrets,
    configMaps: run.manifest.configMaps,
    onLine: (line) => live.print(line, restore),
    keepsFolder: config.keeps,
  });
  const restore = (text: string) => desk.restore(text);
  if (config.keeps) terminal.line(terminal.paint("dim", `files of the containers stay in ${desk.root}`));
  const ended = new AbortController();
  const watching = watchProgress(servers.api, names, live, ended.signal);
  const onStop = () => void desk.stop();
  const onAbort = () => void desk.stop(0);
  stop.addEventListener("abort", onStop, { once: true });
  abort.addEventListener("abort", onAbort, { once: true });
  try {
    const end = await desk.run();
    return { end: stop.aborted ? { ...end, message: "stopped by you" } : end, restore };
  } finally {
    stop.removeEventListener("abort", onStop);
    abort.removeEventListener("abort", onAbort);
    ended.abort();
    await watching;
  }
}

/** Parameters are in the texts by now, and the executor does not read them (docs/contract/pod.md#4.2). */
function withoutParameters(template: DeskTemplate): DeskTemplate {
  const { parameters: _parameters, ...inputs } = template.inputs ?? {};
  return { ...template, inputs };
}

function joinFolder({ workflow, pod }: PodNames): string {
  return `${workflow}/${pod}/inputs`;
}

async function readSecret(secrets: KeyedData, { name = "", key = "" }: SecretSelector): Promise<Uint8Array> {
  const value = secrets[name]?.[key];
  if (value !== undefined) return Buffer.from(value);
  throw new ExecutorError(
    "NotFound",
    `secret ${name}, key ${key}, is missing: add it to the file as a document of its own`,
  );
}

function taskResultRef({ namespace, nodeId }: PodNames) {
  return {
    group: "argoproj.io",
    resource: "workflowtaskresults",
    version: "v1alpha1",
    namespace,
    name: nodeId,
  };
}

/** What the controller would copy into the node, with the paths that the manifest has. */
function readOutputs(
  api: ApiServer,
  names: PodNames,
  restore: (text: string) => string,
): Outputs | undefined {
  const found = api.find(taskResultRef(names));
  if (!found) return undefined;
  return JSON.parse(restore(JSON.stringify(found.outputs ?? {}))) as Outputs;
}

async function watchProgress(
  api: ApiServer,
  names: PodNames,
  live: LiveOutput,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Set<unknown>([undefined]);
  try {
    for (;;) {
      const { progress } = await api.waitForState(
        taskResultRef(names),
        (state) => !seen.has(state.progress),
        signal,
      );
      seen.add(progress);
      live.progress(String(progress));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function podArchiveLocation(pod: Pod): ArtifactLocation | undefined {
  const json = pod.spec.containers
    .concat(pod.spec.initContainers ?? [])
    .flatMap(({ env = [] }) => env)
    .find(({ name }) => name === "ARGO_TEMPLATE")?.value;
  return json === undefined ? undefined : (JSON.parse(json) as DeskTemplate).archiveLocation;
}
