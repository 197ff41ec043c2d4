import { ExecutorError } from "../../../errors/index.ts";
import type { PluginLocation } from "../../../template/index.ts";

/** The folders in which plugins and we meet. */
export interface PluginFolders {
  /** `/tmp/artifact-plugins`: a folder with a `socket` for each plugin. */
  readonly sockets: string;
  /** `/var/run/argo/ctr`: where containers leave their exit codes. */
  readonly containers: string;
  /** A connection gets so long at least, whatever the artifact says. */
  readonly connectTimeoutMinMs?: number;
}

/** One plugin as this container sees it. */
export interface PluginConfig {
  readonly name: string;
  readonly socketPath: string;
  /** Where the program around the plugin's server leaves its exit code: the sign that nobody will listen any more. */
  readonly exitCodePath: string;
  readonly connectTimeoutMs: number;
}

/** Seconds, where an artifact names none (docs/contract/artifacts.md#5.10). */
const connectSecondsDefault = 5;
const connectSecondsMax = 3600;

/** Reads a location. Throws BadRequest for a name that is none of a plugin: it becomes a path. */
export function readPluginConfig(location: PluginLocation, places: PluginFolders): PluginConfig {
  const name = location.name ?? "";
  if (!/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)) {
    const text = `plugin.name must be the name of an artifact driver such as "my-store", not ${JSON.stringify(name)}`;
    throw new ExecutorError("BadRequest", text);
  }
  const seconds = location.connectionTimeoutSeconds || connectSecondsDefault;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > connectSecondsMax) {
    const text = `plugin.connectionTimeoutSeconds must be a number of seconds such as 5, not ${seconds}`;
    throw new ExecutorError("BadRequest", text);
  }
  return {
    name,
    socketPath: `${places.sockets}/${name}/socket`,
    exitCodePath: `${places.containers}/artifact-plugin-${name}/exitcode`,
    connectTimeoutMs: Math.max(seconds * 1000, places.connectTimeoutMinMs ?? 0),
  };
}
