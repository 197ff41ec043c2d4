import { ExecutorError } from "../src/errors/index.ts";
import { mainContainerNames } from "../src/template/index.ts";
import {
  decodeState,
  isStandbyEvent,
  type PhaseStart,
  runPhase,
  standbyArguments,
  type WaitConfig,
  type WaitState,
  type WaitTools,
} from "../src/wait/index.ts";
import { type PodEnvironment, readPodEnvironment } from "./environment.ts";
import { exitStatusError } from "./exit-status.ts";
import { parseCommandLine, textFlag } from "./flags.ts";
import { type Invocation, programPath } from "./invocation.ts";
import { podTools } from "./pod-tools.ts";
import { catchTerm } from "./signals.ts";
import { tracedPhase } from "./tracing.ts";

/** What the first phase of `wait` and `supervisor` has at hand. */
export interface FirstPhase {
  readonly pod: PodEnvironment;
  readonly config: WaitConfig;
  readonly tools: WaitTools;
  readonly stop: AbortSignal;
}

/**
 * Runs a phase of the auxiliary container. Between phases the process is replaced by the static program, which
 * sleeps at about 1 MB and comes back with `--event` and `--state`.
 */
export async function phaseCommand(
  name: "wait" | "supervisor",
  { args, env }: Invocation,
  first: (phase: FirstPhase) => Promise<WaitState>,
): Promise<number> {
  const { stop } = catchTerm();
  process.umask(0);
  const line = parseCommandLine(args, { event: { type: "string" }, state: { type: "string" } });
  const pod = readPodEnvironment(env);
  const config = waitConfig(pod, readsPodAnnotations(name, env));
  const tools = podTools(line, env, pod.paths);
  const event = textFlag(line.flags, "event");
  const start: PhaseStart =
    event === undefined
      ? { first: () => first({ pod, config, tools, stop }) }
      : { event: checkEvent(event), state: decodeState(textFlag(line.flags, "state") ?? "") };
  const container = { name, env, log: tools.log, paths: pod.paths, mains: mainContainerNames(pod.template) };
  const end = await tracedPhase(container, start, () => runPhase(config, tools, start, stop));
  if (end.kind === "sleep") return replaceByStandby(name, config, end.state, { args, env });
  const { message, isSuccess } = end.outcome;
  if (message !== undefined) tools.explain(message);
  return isSuccess ? 0 : exitStatusError;
}

function waitConfig(pod: PodEnvironment, readsPodAnnotations: boolean): WaitConfig {
  const { nodeId, podName, podUid, workflowName, workflowUid, instanceId } = pod;
  const identity = { nodeId, podName, podUid, workflowName, workflowUid, instanceId, readsPodAnnotations };
  return { ...pod, identity };
}

/** Controllers of Argo 3.5 read annotations of the pod; they alone give `wait` the template in its environment. */
function readsPodAnnotations(name: "wait" | "supervisor", env: Invocation["env"]): boolean {
  return name === "wait" && env.ARGO_TEMPLATE !== undefined;
}

function checkEvent(text: string) {
  if (isStandbyEvent(text)) return text;
  throw new ExecutorError(
    "BadRequest",
    `--event must be ended, signal, deadline, limit or file, not "${text}"`,
  );
}

/** Never returns, but for an error: the process goes on as the static program, with the lock it inherited. */
function replaceByStandby(
  name: string,
  config: WaitConfig,
  state: WaitState,
  { args, env }: Invocation,
): never {
  const program = programPath();
  const command = [program, name, ...withoutPhase(args)];
  const present = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  process.execve?.(
    program,
    ["argoexec", ...standbyArguments(config, state, command)],
    Object.fromEntries(present),
  );
  throw new ExecutorError("Internal", "this Node cannot replace itself: process.execve is missing");
}

/** The arguments as the controller gave them, without those of an earlier sleep. */
function withoutPhase(args: readonly string[]): readonly string[] {
  return args.filter(
    (arg, index) =>
      !["--event", "--state"].includes(arg) && !["--event", "--state"].includes(args[index - 1] ?? ""),
  );
}
