import {
  clearContainerFiles,
  type InputLoader,
  loadInputs,
  loadPlaceRuntime,
  placeProgram,
  placeTemplate,
  pluginsOfInputs,
  stageFiles,
} from "../inputs/index.ts";
import { type Template, templateType } from "../template/index.ts";

export interface InitConfig {
  readonly template: Template;
  /** The template as the controller wrote it; it is passed on unchanged. */
  readonly templateJson: string;
  /** `ARGO_INCLUDE_SCRIPT_OUTPUT`. */
  readonly includesResult: boolean;
  /** The static program of this image. */
  readonly program: string;
  /** The Node that runs this, and the folder of our code beside it. */
  readonly node: string;
  readonly libraries: string;
}

/**
 * The init container of the legacy layout (docs/contract/pod.md#5.2): everything that main and wait find on the shared
 * volumes, then the input artifacts. Throws the first error; `signal` cancels running downloads.
 */
export async function init(config: InitConfig, loader: InputLoader, signal: AbortSignal): Promise<void> {
  const { template, templateJson, includesResult } = config;
  await clearContainerFiles(loader.paths);
  await placeProgram(loader.paths, config.program);
  if (pluginsOfInputs(template).length > 0) {
    const placeRuntime = await loadPlaceRuntime();
    await placeRuntime(loader.paths, config.node, config.libraries);
  }
  const collector = hasCollector(template) ? "wait" : undefined;
  await placeTemplate(loader.paths, template, templateJson, { includesResult, isInitless: false, collector });
  await stageFiles(loader.paths, template);
  await loadInputs(loader, template, signal);
}

/**
 * Data templates have no wait container (docs/contract/pod.md#4.1 rule 5). That of a resource template reads nothing
 * but main's log, and main cannot tell whether there is one: controllers of Argo 3.5 and 3.6 leave it out even where
 * logs are archived.
 */
function hasCollector(template: Template): boolean {
  const type = templateType(template);
  return type === "container" || type === "script" || type === "containerSet";
}
