import type { ArtifactDriver } from "../artifacts/index.ts";
import { ExecutorError, errorCode } from "../errors/index.ts";
import {
  type KubeClient,
  type NodeIdentity,
  type OwnOutcome,
  reportOwnWork,
  TaskResult,
} from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import type { ArtifactLocation, Outputs, Template } from "../template/index.ts";
import { span } from "../tracing/index.ts";
import { listSource } from "./source.ts";
import { transformKeys } from "./transform.ts";

export interface DataConfig {
  readonly template: Template;
  readonly identity: NodeIdentity;
}

export interface DataTools {
  readonly openKube: () => Promise<KubeClient>;
  readonly openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>;
  readonly log: Logger;
}

/**
 * The main container of a data template (docs/contract/roles.md#3). The task result is made first, so that the controller
 * waits for it (docs/contract/roles.md#D-12), and is finalized whatever happened.
 */
export async function runData(
  config: DataConfig,
  tools: DataTools,
  signal: AbortSignal,
): Promise<OwnOutcome> {
  const { log } = tools;
  await using kube = await tools.openKube();
  const taskResult = new TaskResult(kube, config.identity);
  const process = () => processData(config, tools, signal);
  const work = () =>
    span("processDataTemplate", {}, () => during("unable to process data template", process));
  return await reportOwnWork({ taskResult, log, work, finalizes: async () => true }, signal);
}

async function processData(
  { template }: DataConfig,
  { openDriver, log }: DataTools,
  signal: AbortSignal,
): Promise<Outputs> {
  const { data, archiveLocation, outputs } = template;
  if (!data) throw new ExecutorError("BadRequest", "no data template found");
  const source = await span("listArtifacts", {}, async (own) => {
    const list = () => listSource(data, archiveLocation, openDriver, signal);
    const found = await during("unable to process data source", list);
    own.set({ keys: found.keys.length });
    return found;
  });
  log.info({ keys: source.keys.length }, "keys listed");
  signal.throwIfAborted();
  const steps = data.transformation?.length ?? 0;
  const result = await span("transformKeys", { steps }, () =>
    during("unable to process data transformation", () => transformKeys(source, data)),
  );
  return { ...outputs, result };
}

async function during<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw errorCode(error) === "Cancelled" ? error : ExecutorError.wrap(error, what);
  }
}
