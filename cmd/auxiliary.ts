import { setImmediate } from "node:timers/promises";
import {
  type AuxiliaryConfig,
  type AuxiliaryState,
  type AuxiliaryTools,
  decodeState,
  haveEnded,
  initialState,
  isStandbyEvent,
  loadFinish,
  loadResume,
  type Next,
  standbyArguments,
} from "../src/auxiliary/index.ts";
import { ExecutorError } from "../src/errors/index.ts";
import { type PodEnvironment, readPodEnvironment } from "./environment.ts";
import { type CommandLine, parseCommandLine, textFlag } from "./flags.ts";
import { type Invocation, programPath } from "./invocation.ts";
import { podTools } from "./pod-tools.ts";
import { catchTerm } from "./signals.ts";

/** What the first phase of `wait` and `supervisor` has at hand. */
export interface FirstPhase {
  readonly pod: PodEnvironment;
  readonly config: AuxiliaryConfig;
  readonly tools: AuxiliaryTools;
  readonly stop: AbortSignal;
}

const exitStatusError = 64;
/** Reporting is never cancelled; only the end of the pod ends it (contract pod.md 5.6). */
const never = new AbortController().signal;

/**
 * Runs a phase of the auxiliary container. Between phases the process is replaced by the static program, which
 * sleeps at about 1 MB and comes back with `--event` and `--state`.
 */
export async function auxiliaryCommand(
  name: "wait" | "supervisor",
  { args, env }: Invocation,
  first: (phase: FirstPhase) => Promise<AuxiliaryState>,
): Promise<number> {
  const { stop } = catchTerm();
  process.umask(0);
  const line = parseCommandLine(args, { event: { type: "string" }, state: { type: "string" } });
  const pod = readPodEnvironment(env);
  const config = auxiliaryConfig(pod, line);
  const tools = podTools(line, env, pod.paths);
  const event = textFlag(line.flags, "event");
  let next: Next = { kind: "sleep", state: initialState };
  if (event === undefined) next = { kind: "sleep", state: await first({ pod, config, tools, stop }) };
  await pendingSignals();
  if (event !== undefined || stop.aborted) {
    const resume = await loadResume();
    if (event !== undefined) next = await resume(config, tools, readState(line), checkEvent(event), never);
    await pendingSignals();
    // A TERM that came while we were awake would not wake the sleeping program.
    if (next.kind === "sleep" && stop.aborted)
      next = await resume(config, tools, next.state, "signal", never);
  }
  // A short step is over by now: no need to sleep, and to start Node once more.
  if (next.kind === "sleep" && (await haveEnded(config))) next = { kind: "finish", state: next.state };
  if (next.kind === "sleep") return replaceByStandby(name, config, next.state, args, env);
  const finish = await loadFinish();
  const outcome = await finish(config, tools, next.state, never);
  if (outcome.message !== undefined) tools.explain(outcome.message);
  return outcome.isSuccess ? 0 : exitStatusError;
}

/**
 * Lets the event loop look for signals once more. One that came while the last answer was being read waits in a pipe of
 * this process, and would be lost with it when the process is replaced.
 */
async function pendingSignals(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

function auxiliaryConfig(pod: PodEnvironment, line: CommandLine): AuxiliaryConfig {
  const { nodeId, podName, workflowName, workflowUid, instanceId } = pod;
  return {
    ...pod,
    identity: {
      nodeId,
      podName,
      workflowName,
      workflowUid,
      instanceId,
      readsPodAnnotations: !line.hasGlogLevel,
    },
  };
}

function readState(line: CommandLine): AuxiliaryState {
  return decodeState(textFlag(line.flags, "state") ?? "");
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
  config: AuxiliaryConfig,
  state: AuxiliaryState,
  args: readonly string[],
  env: Invocation["env"],
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
