import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { ExecutorError, errorText } from "../errors/index.ts";
import { type InputLoader, loadInputs } from "../inputs/index.ts";
import type { Template } from "../template/index.ts";
import { PluginServer } from "./plugin-server.ts";

export interface PluginInitConfig {
  readonly template: Template;
  /** The name of the artifact driver. */
  readonly plugin: string;
  /** The plugin's entry point and its socket. */
  readonly command: readonly string[];
}

/**
 * The init container of one plugin in the legacy layout: the plugin's server runs beside us for as long as it takes to
 * load the inputs that it keeps (docs/contract/roles.md#5.3). Its end is seen at once (docs/contract/roles.md#D-22).
 * Throws the first error; `signal` cancels the load.
 */
export async function artifactPluginInit(
  { template, plugin, command }: PluginInitConfig,
  loader: InputLoader,
  signal: AbortSignal,
): Promise<void> {
  const socket = loader.paths.pluginSocket(plugin);
  await makeSocketFolder(dirname(socket));
  await rm(socket, { force: true });
  await using server = await PluginServer.start(plugin, command);
  const either = AbortSignal.any([signal, server.gone]);
  try {
    await loadInputs({ ...loader, plugin }, template, either);
  } catch (error) {
    if (signal.aborted) {
      const text = `told to end while the input artifacts of plugin ${plugin} were being loaded`;
      throw new ExecutorError("Cancelled", text, { cause: error });
    }
    throw await server.explain(error);
  }
}

/** Before the server is started: one that finds no folder for its socket ends. The container is the plugin's own image. */
async function makeSocketFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    const text = `the folder of the plugin's socket, ${path}, cannot be made: ${errorText(cause)}; mount a volume, such as an emptyDir, at /tmp`;
    throw new ExecutorError("BadRequest", text, { cause });
  }
}
