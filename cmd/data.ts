import { runData } from "../src/data/index.ts";
import { exitStatusError } from "../src/errors/index.ts";
import { readPodEnvironment } from "./environment.ts";
import { parseCommandLine } from "./flags.ts";
import type { Invocation } from "./invocation.ts";
import { mainIdentity } from "./main-identity.ts";
import { podTools } from "./pod-tools.ts";
import { catchTerm } from "./signals.ts";

/**
 * `argoexec data JSON`: the main container of a data template. The argument says what the template says, and is not
 * read; SIGTERM gives the listing up.
 */
export async function dataCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  const line = parseCommandLine(args, {});
  const pod = readPodEnvironment(env);
  const tools = await podTools(line, env, pod.paths);
  const { template } = pod;
  const identity = mainIdentity(pod, env);
  const { message, isSuccess } = await runData({ template, identity }, tools, stop);
  if (message !== undefined) tools.explain(message);
  return isSuccess ? 0 : exitStatusError;
}
