import type { ArtifactDriver } from "../artifacts/index.ts";
import { ExecutorError, errorCode, errorText } from "../errors/index.ts";
import { type KubeClient, type NodeIdentity, type Persistence, TaskResult } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import type { ArtifactLocation, Outputs, Template } from "../template/index.ts";
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

/** What the container ends with. */
export interface DataOutcome {
  /** The first error recorded: the termination message. */
  readonly message: string | undefined;
  readonly isSuccess: boolean;
}

/** As long as the original tries to make its task result before it begins. */
const announcePatienceMs = 31_000;
/** Reporting outlives SIGTERM. */
const never = new AbortController().signal;

/**
 * The main container of a data template (docs/contract/roles.md#3). The task result is made first, so that the controller
 * waits for it (docs/contract/roles.md#D-12), and is finalized whatever happened.
 */
export async function runData(
  config: DataConfig,
  tools: DataTools,
  signal: AbortSignal,
): Promise<DataOutcome> {
  const { log } = tools;
  await using kube = await tools.openKube();
  const taskResult = new TaskResult(kube, config.identity);
  const errors: string[] = [];
  const lateErrors: string[] = [];
  let announced = await recorded(lateErrors, () =>
    taskResult.initialize({ ...persistence(log), patienceMs: announcePatienceMs }, signal),
  );
  const isDone = await recorded(errors, async () => {
    const outputs = await during("unable to process data template", () => processData(config, tools, signal));
    await taskResult.reportOutputs(outputs, persistence(log), never);
    announced = true;
  });
  await recorded(lateErrors, async () => {
    if (!announced) await taskResult.initialize(persistence(log), never);
    await taskResult.finalize(persistence(log), never);
  });
  for (const error of [...errors, ...lateErrors]) log.error({ error }, "executor error");
  return { message: [...errors, ...lateErrors][0], isSuccess: isDone };
}

async function processData(
  { template }: DataConfig,
  { openDriver, log }: DataTools,
  signal: AbortSignal,
): Promise<Outputs> {
  const { data, archiveLocation, outputs } = template;
  if (!data) throw new ExecutorError("BadRequest", "no data template found");
  const source = await during("unable to process data source", () =>
    listSource(data, archiveLocation, openDriver, signal),
  );
  log.info({ keys: source.keys.length }, "keys listed");
  signal.throwIfAborted();
  const result = await during("unable to process data transformation", () => transformKeys(source, data));
  return { ...outputs, result };
}

async function during<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw errorCode(error) === "Cancelled" ? error : ExecutorError.wrap(error, what);
  }
}

async function recorded(errors: string[], step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    errors.push(errorCode(error) === "Cancelled" ? "context canceled" : errorText(error));
    return false;
  }
}

function persistence(log: Logger): Persistence {
  return {
    patienceMs: Number.POSITIVE_INFINITY,
    onRetry: (error, pauseMs) => {
      const fields = { error: errorText(error), pauseMs: Math.round(pauseMs) };
      log.warn(fields, "the task result will be sent again");
    },
  };
}
