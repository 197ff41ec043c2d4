import { exitStatusError } from "../src/errors/index.ts";
import { parseAction, runResource } from "../src/resource/index.ts";
import { parseGoDuration } from "../src/template/index.ts";
import { type Environment, readPodEnvironment } from "./environment.ts";
import { parseCommandLine } from "./flags.ts";
import type { Invocation } from "./invocation.ts";
import { mainIdentity } from "./main-identity.ts";
import { podTools } from "./pod-tools.ts";
import { catchTerm } from "./signals.ts";

const checkIntervalDefaultMs = 5000;

/** `argoexec resource ACTION`: the main container of a resource template; SIGTERM ends its waiting. */
export async function resourceCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  const line = parseCommandLine(args, {});
  const action = parseAction(line.positionals[0]);
  const pod = readPodEnvironment(env);
  const tools = await podTools(line, env, pod.paths);
  const { template, paths } = pod;
  const identity = mainIdentity(pod, env);
  const checkIntervalMs = readCheckInterval(env);
  const { message, isSuccess } = await runResource(
    { action, template, identity, paths, checkIntervalMs },
    tools,
    stop,
  );
  if (message !== undefined) tools.explain(message);
  return isSuccess ? 0 : exitStatusError;
}

function readCheckInterval(env: Environment): number {
  const name = "RESOURCE_STATE_CHECK_INTERVAL";
  const text = env[name];
  const ms = text ? parseGoDuration(text, name) : checkIntervalDefaultMs;
  return Math.max(ms, 10);
}
