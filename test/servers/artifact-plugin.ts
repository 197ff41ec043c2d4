import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { PluginPlaces } from "../../src/artifacts/index.ts";
import { type Python, pythonWith } from "./python.ts";

/**
 * The plugin of our examples, written from the protocol's description for another implementation of gRPC. By way of
 * /proc: a pod on a desk takes a path below /tmp, where the project may lie, for one of its own.
 */
export const pluginScript = `/proc/${process.pid}/cwd/examples/artifact-plugin/plugin.py`;

export function pluginPython(): Promise<Python> {
  return pythonWith("grpcio>=1.70", "grpcio-tools>=1.70");
}

export interface RunningPlugin {
  readonly places: PluginPlaces;
  /** Where it keeps artifacts. */
  readonly root: string;
  readonly configuration: string;
  signal(name: NodeJS.Signals): void;
}

/** The folders that containers share with the plugin `demo`, short enough for a socket's path. */
export async function pluginFolders(
  t: TestContext,
): Promise<{ readonly folder: string; readonly places: PluginPlaces }> {
  const folder = await mkdtemp("/tmp/plug-");
  t.after(() => rm(folder, { recursive: true, force: true }));
  const places = {
    sockets: join(folder, "s"),
    staging: join(folder, "out"),
    connections: new Map(),
    containers: join(folder, "ctr"),
  };
  await mkdir(join(places.sockets, "demo"), { recursive: true });
  await mkdir(join(places.containers, "artifact-plugin-demo"), { recursive: true });
  return { folder, places };
}

/** Starts the plugin `demo`; whoever connects waits for its socket. */
export async function startPlugin(
  t: TestContext,
  program: string,
  ...args: readonly string[]
): Promise<RunningPlugin> {
  const { folder, places } = await pluginFolders(t);
  const root = join(folder, "store");
  const child = spawn(program, [pluginScript, ...args, join(places.sockets, "demo/socket")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  return { places, root, configuration: `root: ${root}`, signal: (name) => child.kill(name) };
}
