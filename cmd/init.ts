import { init } from "../src/init/index.ts";
import { readPodEnvironment } from "./environment.ts";
import { parseCommandLine } from "./flags.ts";
import { type Invocation, programPath, runtimeFiles } from "./invocation.ts";
import { podTools } from "./pod-tools.ts";
import { catchTerm } from "./signals.ts";
import { traced } from "./tracing.ts";

/** `argoexec init`: SIGTERM cancels running downloads (docs/contract/pod.md#5.2). */
export async function initCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  process.umask(0);
  const line = parseCommandLine(args, {});
  const pod = readPodEnvironment(env);
  const tools = await podTools(line, env, pod.paths);
  const config = { ...pod, program: programPath(), ...runtimeFiles() };
  const loader = { paths: pod.paths, openDriver: tools.openDriver, log: tools.log };
  await traced("runInitContainer", env, tools.log, () => init(config, loader, stop));
  return 0;
}
