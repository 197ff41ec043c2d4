import { ExecutorError } from "../errors/index.ts";
import {
  composeOutputs,
  HandedFiles,
  type MainServer,
  missingFiles,
  type OutputFiles,
  OutputRequests,
  type OutputSaver,
  readParameters,
  readResult,
  ServedFiles,
  saveArtifacts,
  saveLogs,
  tarCompression,
  VolumeServer,
  type VolumeView,
} from "../outputs/index.ts";
import { containerFiles, hasContainerFile, readExitCode, servedOutputs } from "../podfiles/index.ts";
import {
  type Artifact,
  hasOutput,
  mainContainerNames,
  type Outputs,
  outputSource,
  type Parameter,
  savesLogs,
  type Template,
  templateType,
  volumeMounts,
} from "../template/index.ts";
import { span } from "../tracing/index.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import { spooledLogs } from "./spooled-logs.ts";
import type { WaitState } from "./state.ts";

export interface CollectedOutputs {
  readonly outputs: Outputs;
  /** In the contract's order: result, parameters, artifacts as one, each log (docs/contract/pod.md#5.9). */
  readonly errors: readonly Error[];
}

/** Outputs as they are while others are still being saved. */
export interface OutputsSoFar {
  readonly outputs: Outputs;
  /** What is not saved yet, in the words of a message. */
  readonly pending: readonly string[];
}

/** From whom, and for whom, outputs are gathered. */
export interface Collection {
  readonly state: WaitState;
  readonly main: MainServer;
  /** Told of every step that is done. */
  readonly onProgress: (soFar: OutputsSoFar) => void;
}

/**
 * Gathers whatever there is: a step that fails is recorded and the next one runs (docs/contract/pod.md#5.6 steps 3 to
 * 7).
 */
export async function collectOutputs(
  config: WaitConfig,
  tools: WaitTools,
  { state, main, onProgress }: Collection,
  signal: AbortSignal,
): Promise<CollectedOutputs> {
  const { template, paths } = config;
  await using volumes = new VolumeServer(tools.program, volumeView(config));
  const logNames = savesLogs(template) ? ["the log"] : [];
  const note = (found: FoundFiles, pending: readonly string[]) =>
    onProgress({ outputs: composeFor(template, found), pending: [...pending, ...logNames] });
  const saver: OutputSaver = {
    archiveLocation: template.archiveLocation,
    openDriver: tools.openDriver,
    filesFor: await outputFiles(config, tools, { main, volumes }),
    log: tools.log,
    compression: tarCompression(template, tools.log),
  };
  const isResource = templateType(template) === "resource";
  const hasFiles = !isResource && !state.hasPreMainFailed && !(await hasStagingFailed(config));
  const own = hasFiles ? await collectFiles(config, saver, note, signal) : declaredOnly(config);
  note(own, []);
  const ownErrors = (await wasMainKilled(config)) ? own.errors.map(afterKill) : own.errors;
  const logs = savesLogs(template)
    ? await saveLogs(saver, paths, spooledLogs(template, state), signal)
    : { artifacts: [], errors: [] };
  const outputs = composeFor(template, { ...own, artifacts: [...own.artifacts, ...logs.artifacts] });
  return { outputs, errors: [...ownErrors, ...logs.errors] };
}

interface FoundFiles {
  readonly result: string | undefined;
  readonly parameters: readonly Parameter[];
  readonly artifacts: readonly Artifact[];
}

function composeFor(template: Template, found: FoundFiles): Outputs {
  return templateType(template) === "resource"
    ? composeOutputs({}, { parameters: [], artifacts: found.artifacts, result: undefined })
    : composeOutputs(template.outputs ?? {}, found);
}

/** It has started, and will never say how it ended. */
async function wasMainKilled({ template, paths }: WaitConfig): Promise<boolean> {
  if (!mainContainerNames(template).includes("main")) return false;
  if ((await readExitCode(paths, "main")) !== undefined) return false;
  return await hasContainerFile(paths, "main", "lock");
}

/** What is missing on a volume is missing because of that, which has to come first. */
function afterKill(error: Error): Error {
  return ExecutorError.wrap(error, "main was killed, or had to be left running");
}

async function collectFiles(
  config: WaitConfig,
  saver: OutputSaver,
  note: (found: FoundFiles, pending: readonly string[]) => void,
  signal: AbortSignal,
) {
  const declared = config.template.outputs ?? {};
  const result = await collectResult(config);
  const read = await readParameters(declared.parameters ?? [], saver.filesFor, signal);
  const noteSaved = (artifacts: readonly Artifact[]) => {
    const names = artifacts.map(({ name }) => name);
    const pending = (declared.artifacts ?? []).filter(({ name, path }) => path && !names.includes(name));
    const found = { result: result.value, parameters: read.parameters, artifacts };
    note(
      found,
      pending.map(({ name }) => `artifact ${name}`),
    );
  };
  noteSaved([]);
  const saved = await saveArtifacts({ ...saver, onSaved: noteSaved }, declared.artifacts ?? [], signal);
  return {
    result: result.value,
    parameters: read.parameters,
    artifacts: saved.artifacts,
    errors: [...result.errors, ...read.errors, ...asOne(saved.errors)],
  };
}

function declaredOnly({ template }: WaitConfig) {
  const artifacts: readonly Artifact[] = [];
  const errors: readonly Error[] = [];
  return { result: undefined, parameters: template.outputs?.parameters ?? [], artifacts, errors };
}

async function collectResult(
  config: WaitConfig,
): Promise<{ value: string | undefined; errors: readonly Error[] }> {
  if (!config.includesResult || !hasOutput(config.template)) return { value: undefined, errors: [] };
  try {
    return { value: await span("captureScriptResult", {}, () => readResult(config.paths)), errors: [] };
  } catch (error) {
    return { value: undefined, errors: [ExecutorError.wrap(error, "the script result could not be read")] };
  }
}

/** The errors of all artifacts count as one, each followed by a semicolon (docs/contract/artifacts.md#2.5). */
function asOne(errors: readonly Error[]): readonly Error[] {
  if (errors.length === 0) return [];
  const text = errors.map((error) => `${error.message}; `).join("");
  return [new ExecutorError("Internal", text, { cause: errors[0] })];
}

/** On a desk volumes are links below the root: the program is told where. */
function volumeView({ template, paths }: WaitConfig): VolumeView {
  const inputs = (template.inputs?.artifacts ?? []).flatMap((input) => input.path || []);
  const mounts = [...volumeMounts(template).map((mount) => mount.mountPath), ...inputs];
  return { root: paths.mirror, inputs: paths.inputs, mounts: paths.root === "" ? [] : mounts };
}

interface OutputServers {
  readonly main: MainServer;
  readonly volumes: VolumeServer;
}

/** Chooses, for each path, whether this container has it mounted or main has to be asked. */
async function outputFiles(
  config: WaitConfig,
  tools: WaitTools,
  { main, volumes }: OutputServers,
): Promise<(path: string) => OutputFiles> {
  const warn = (message: string) => tools.log.warn({}, message);
  const mirrored = new ServedFiles(new OutputRequests(volumes, warn), warn);
  const served = await mainFiles(config, main, warn);
  return (path) =>
    outputSource(config.template, path, config.isInitless) === "shared mount" ? mirrored : served;
}

/** Main's own file system can be read only through its emissary, after the command has ended. */
async function mainFiles(
  { template, paths, isInitless }: WaitConfig,
  main: MainServer,
  warn: (message: string) => void,
): Promise<OutputFiles> {
  if (!mainContainerNames(template).includes("main")) {
    return missingFiles("the pod has no container named main");
  }
  const code = await readExitCode(paths, "main");
  if (code === undefined) {
    const hasStarted = await hasContainerFile(paths, "main", containerFiles.lock);
    return missingFiles(hasStarted ? "its files went with it" : "main has not started");
  }
  if (await hasContainerFile(paths, "main", containerFiles.outputs)) {
    return new ServedFiles(new OutputRequests(main, warn), warn);
  }
  if (await hasContainerFile(paths, "main", containerFiles.handed)) {
    return new HandedFiles(paths, servedOutputs(template, isInitless), warn);
  }
  return missingFiles(`main ended with exit code ${code} and left no outputs`);
}

/**
 * The emissary could not place the inputs: main's message says why, and no output can be there
 * (docs/contract/pod.md#defect-41).
 */
async function hasStagingFailed({ isInitless, paths }: WaitConfig): Promise<boolean> {
  return isInitless && (await hasContainerFile(paths, "main", containerFiles.stagingFailed));
}
