import { artifactPluginInit } from "../src/artifact-plugin-init/index.ts";
import { ExecutorError } from "../src/errors/index.ts";
import { readPodEnvironment } from "./environment.ts";
import { parseCommandLine, textFlag } from "./flags.ts";
import type { Invocation } from "./invocation.ts";
import { podTools } from "./pod-tools.ts";
import { catchTerm } from "./signals.ts";
import { traced } from "./tracing.ts";

/** `argoexec artifact-plugin-init --plugin-name NAME -- COMMAND…`, in the image of a plugin (docs/contract/roles.md#5.3). */
export async function artifactPluginInitCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  process.umask(0);
  const split = args.indexOf("--");
  const line = parseCommandLine(split === -1 ? args : args.slice(0, split), {
    "plugin-name": { type: "string" },
  });
  const plugin = textFlag(line.flags, "plugin-name");
  const command = split === -1 ? [] : args.slice(split + 1);
  if (plugin === undefined || command.length === 0) {
    const text = "usage: argoexec artifact-plugin-init --plugin-name NAME -- COMMAND [ARGUMENT...]";
    throw new ExecutorError("BadRequest", text);
  }
  const { template, paths } = readPodEnvironment(env);
  const { openDriver, log } = await podTools(line, env, paths);
  await traced("runPluginInitContainer", env, log, () =>
    artifactPluginInit({ template, plugin, command }, { paths, openDriver, log }, stop),
  );
  return 0;
}
