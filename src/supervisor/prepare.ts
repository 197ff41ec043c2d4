import { ExecutorError, errorText } from "../errors/index.ts";
import { type InputLoader, loadInputs, placeTemplate, stageFiles } from "../inputs/index.ts";
import type { SupervisorConfig } from "./config.ts";
import { startHeartbeat, writeStatus } from "./heartbeat.ts";

/**
 * What init does in the legacy layout, under a heartbeat, and the verdict for main (docs/contract/pod.md#5.7). Returns why main
 * must not start, or undefined: it was told either way, if telling was possible.
 */
export async function prepare(
  config: SupervisorConfig,
  loader: InputLoader,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { paths } = loader;
  try {
    const heartbeat = await during("failed to write initial status marker", () => startHeartbeat(paths));
    try {
      await stage(config, loader, signal);
    } finally {
      await heartbeat.stop();
    }
    await during("failed to write status marker", () => writeStatus(paths, "READY\n"));
    return undefined;
  } catch (error) {
    const reason = errorText(error);
    await writeStatus(paths, `FAILED\n${reason}`).catch((cause) => {
      // Main finds out by the missing heartbeat.
      loader.log.error({ error: errorText(cause) }, "the status marker could not be written");
    });
    return reason;
  }
}

async function stage(config: SupervisorConfig, loader: InputLoader, signal: AbortSignal): Promise<void> {
  const { template, templateJson, includesResult } = config;
  const plan = { includesResult, isInitless: true, collector: "supervisor" };
  await during("failed to write template", () => placeTemplate(loader.paths, template, templateJson, plan));
  await during("failed to stage files", () => stageFiles(loader.paths, template));
  await loadAllInputs(config, loader, signal);
}

/** The inputs of no plugin and those of each, side by side: the first failure stops the others. */
async function loadAllInputs(
  { template, inputPlugins }: SupervisorConfig,
  loader: InputLoader,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const failures: unknown[] = [];
  const load = async (what: string, own: InputLoader) => {
    try {
      await during(what, () => loadInputs(own, template, either));
    } catch (error) {
      failures.push(error);
      failed.abort();
    }
  };
  await Promise.all([
    load("failed to load non-plugin input artifacts", loader),
    ...inputPlugins.map((plugin) =>
      load(`failed to load input artifacts from plugin "${plugin}"`, { ...loader, plugin }),
    ),
  ]);
  if (failures.length > 0) throw failures[0];
}

async function during<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw ExecutorError.wrap(error, what);
  }
}
