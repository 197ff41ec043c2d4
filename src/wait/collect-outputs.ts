import { access, readFile } from "node:fs/promises";
import { ExecutorError } from "../errors/index.ts";
import {
  composeOutputs,
  type MainOutputs,
  MirroredFiles,
  missingFiles,
  type OutputFiles,
  type OutputSaver,
  readParameters,
  readResult,
  ServedFiles,
  saveArtifacts,
  saveLogs,
} from "../outputs/index.ts";
import { hasEnded } from "../podfiles/index.ts";
import {
  type Artifact,
  hasOutput,
  mainContainerNames,
  type Outputs,
  outputSource,
  savesLogs,
  templateType,
} from "../template/index.ts";
import { span } from "../tracing/index.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import type { WaitState } from "./state.ts";

export interface CollectedOutputs {
  readonly outputs: Outputs;
  /** In the contract's order: result, parameters, artifacts as one, each log (contract pod.md 5.9). */
  readonly errors: readonly Error[];
}

/** Gathers whatever there is: a step that fails is recorded and the next one runs (contract pod.md 5.6 steps 3 to 7). */
export async function collectOutputs(
  config: WaitConfig,
  tools: WaitTools,
  state: WaitState,
  main: MainOutputs,
  signal: AbortSignal,
): Promise<CollectedOutputs> {
  const { template, paths } = config;
  const saver: OutputSaver = {
    archiveLocation: template.archiveLocation,
    openDriver: tools.openDriver,
    filesFor: await outputFiles(config, tools, main),
    log: tools.log,
  };
  const isResource = templateType(template) === "resource";
  const hasFiles = !isResource && !state.hasPreMainFailed && !(await hasStagingFailed(config));
  const own = hasFiles ? await collectFiles(config, saver, signal) : declaredOnly(config);
  const logs = savesLogs(template)
    ? await saveLogs(saver, paths, mainContainerNames(template), signal)
    : { artifacts: [], errors: [] };
  const artifacts = [...own.artifacts, ...logs.artifacts];
  const outputs = isResource
    ? composeOutputs({}, { parameters: [], artifacts, result: undefined })
    : composeOutputs(template.outputs ?? {}, { ...own, artifacts });
  return { outputs, errors: [...own.errors, ...logs.errors] };
}

async function collectFiles(config: WaitConfig, saver: OutputSaver, signal: AbortSignal) {
  const declared = config.template.outputs ?? {};
  const result = await collectResult(config);
  const read = await readParameters(declared.parameters ?? [], saver.filesFor, signal);
  const saved = await saveArtifacts(saver, declared.artifacts ?? [], signal);
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
  const path = `${config.paths.container("main")}/stdout`;
  try {
    return { value: await span("captureScriptResult", {}, () => readResult(path)), errors: [] };
  } catch (cause) {
    const text = `the script result could not be read: ${(cause as Error).message}`;
    return { value: undefined, errors: [new ExecutorError("NotFound", text, { cause })] };
  }
}

/** The errors of all artifacts count as one, each followed by a semicolon (contract artifacts.md 2.5). */
function asOne(errors: readonly Error[]): readonly Error[] {
  if (errors.length === 0) return [];
  const text = errors.map((error) => `${error.message}; `).join("");
  return [new ExecutorError("Internal", text, { cause: errors[0] })];
}

/** Chooses, for each path, whether this container has it mounted or main has to be asked. */
async function outputFiles(
  config: WaitConfig,
  tools: WaitTools,
  main: MainOutputs,
): Promise<(path: string) => OutputFiles> {
  const warn = (message: string) => tools.log.warn({}, message);
  const mirrored = new MirroredFiles(config.template, config.paths, warn);
  const served = await mainFiles(config, main, warn);
  return (path) =>
    outputSource(config.template, path, config.isInitless) === "shared mount" ? mirrored : served;
}

/** Main's own file system can be read only through its emissary, after the command has ended. */
async function mainFiles(
  config: WaitConfig,
  main: MainOutputs,
  warn: (message: string) => void,
): Promise<OutputFiles> {
  if (!mainContainerNames(config.template).includes("main")) {
    return missingFiles("the pod has no container named main");
  }
  const folder = config.paths.container("main");
  if (!(await hasEnded(config.paths, "main"))) {
    const hasStarted = await isThere(`${folder}/lock`);
    return missingFiles(
      hasStarted
        ? "main was killed, or had to be left running, before its outputs could be read"
        : "main has not started",
    );
  }
  if (await isThere(`${folder}/outputs`)) return new ServedFiles(main, warn);
  const code = await readFile(`${folder}/exitcode`, "utf8");
  return missingFiles(`main ended with exit code ${code} and left no outputs`);
}

/** The emissary could not place the inputs: main's message says why, and no output can be there (defect 41). */
async function hasStagingFailed(config: WaitConfig): Promise<boolean> {
  return config.isInitless && (await isThere(`${config.paths.container("main")}/staging-failed`));
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
