import { errorText } from "../errors/index.ts";
import { busyUntilMs, TaskResult } from "../kube/index.ts";
import { readProgress } from "../outputs/index.ts";
import { containerFiles, hasContainerFile, hasEnded, signalContainer } from "../podfiles/index.ts";
import { mainContainerNames } from "../template/index.ts";
import { announce } from "./announce.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import { spoolLogs } from "./spool-logs.ts";
import type { StandbyEvent } from "./standby.ts";
import type { WaitState } from "./state.ts";

/** What to do after an event: sleep on, or collect and end. */
export type Next = { readonly kind: "sleep" | "finish"; readonly state: WaitState };

/** A report of progress must not keep main's end from being seen. */
const progressPatienceMs = 3000;
const killWaitMs = 10_000;
/**
 * The share of the grace period that main has for ending by itself; the rest is for collecting
 * (docs/contract/pod.md#defect-13).
 */
const mainShare = 2 / 3;

/** Reacts to what ended the sleep (docs/contract/pod.md#5.6 step 2 and the monitors below it). */
export async function resume(
  config: WaitConfig,
  tools: WaitTools,
  state: WaitState,
  event: StandbyEvent,
  signal: AbortSignal,
): Promise<Next> {
  switch (event) {
    case "ended":
      return { kind: "finish", state };
    case "signal":
      return terminate(config, tools, state);
    case "deadline":
      return { kind: "sleep", state: await endMain(config, tools, state) };
    case "limit":
      return limitReached(config, tools, state, signal);
    case "failed":
      return { kind: "sleep", state: await endOthers(config, tools, state) };
    case "spool":
      return { kind: "sleep", state: await spoolLogs(config, tools, state, signal) };
    case "file":
      return { kind: "sleep", state: await sendProgress(config, tools, state, signal) };
  }
}

/** SIGTERM: main got it too, and has a share of the grace period to end; one that never started is not waited for. */
async function terminate(config: WaitConfig, tools: WaitTools, state: WaitState): Promise<Next> {
  if (!(await hasAnyStarted(config))) return { kind: "finish", state };
  if (state.isTerminating) return { kind: "sleep", state };
  tools.log.info({}, "told to end: waiting for the main containers to end first");
  const atMs = Date.now() + config.gracePeriodMs * mainShare;
  return { kind: "sleep", state: { ...state, isTerminating: true, limit: { atMs, reason: "collect" } } };
}

/** `ARGO_DEADLINE`: TERM to every main container, and KILL when the grace period is over. */
async function endMain(config: WaitConfig, tools: WaitTools, state: WaitState): Promise<WaitState> {
  tools.explain("Step exceeded its deadline");
  tools.log.info({}, "deadline exceeded: ending the main containers");
  await signalMains(config, 15);
  const atMs = Date.now() + config.gracePeriodMs;
  return { ...state, isDeadlineOver: true, limit: { atMs, reason: "kill" } };
}

/**
 * Main failed while other members of its container set run. The controller ends a pod as soon as it sees that, but main
 * waits for us to collect its outputs, so it does not see it: we do what it would (docs/contract/pod.md#5.10).
 */
async function endOthers(config: WaitConfig, tools: WaitTools, state: WaitState): Promise<WaitState> {
  tools.log.info({}, "main failed: ending the other containers of the set");
  await signalMains(config, 15);
  const failed = { ...state, hasMainFailed: true };
  // Somebody has begun to end them already.
  if (state.limit && state.limit.reason !== "announce again") return failed;
  return { ...failed, limit: { atMs: Date.now() + config.gracePeriodMs, reason: "kill" } };
}

async function limitReached(
  config: WaitConfig,
  tools: WaitTools,
  state: WaitState,
  signal: AbortSignal,
): Promise<Next> {
  const awake: WaitState = { ...state, limit: undefined };
  switch (state.limit?.reason) {
    case "announce again": {
      const kube = await tools.openKube();
      return { kind: "sleep", state: await announce(config, tools, kube, awake, signal) };
    }
    case "kill":
      await signalMains(config, 9);
      return {
        kind: "sleep",
        state: { ...awake, limit: { atMs: Date.now() + killWaitMs, reason: "give up" } },
      };
    case "give up":
      tools.log.warn({}, "the main containers did not end after SIGKILL: collecting without them");
      return { kind: "finish", state: awake };
    case "collect":
      tools.log.warn({}, "the main containers have not ended in time: collecting what there is");
      return { kind: "finish", state: awake };
    case undefined:
      return { kind: "sleep", state: awake };
  }
}

/** Sends a new value once; one that could not be sent is tried again after the next tick. */
async function sendProgress(
  config: WaitConfig,
  tools: WaitTools,
  state: WaitState,
  signal: AbortSignal,
): Promise<WaitState> {
  if (Date.now() < state.apiBusyUntilMs) return state;
  const value = await readProgress(config.progress?.file ?? "");
  if (value === undefined) return state;
  try {
    const kube = await tools.openKube();
    const taskResult = new TaskResult(kube, config.identity, state.taskResult);
    await taskResult.reportProgress(value, { patienceMs: progressPatienceMs }, signal);
    return { ...state, progressSeen: value, taskResult: taskResult.state };
  } catch (error) {
    tools.log.warn({ error: errorText(error) }, "progress could not be reported");
    return { ...state, apiBusyUntilMs: busyUntilMs(error) };
  }
}

/** One that has ended needs no signal; one whose folder is not the executor's any more cannot be reached by one. */
async function signalMains(config: WaitConfig, number: 9 | 15): Promise<void> {
  const names = mainContainerNames(config.template);
  await Promise.all(
    names.map(async (name) => {
      if (!(await hasEnded(config.paths, name))) await signalContainer(config.paths, name, number);
    }),
  );
}

async function hasAnyStarted({ paths, template }: WaitConfig): Promise<boolean> {
  const looks = mainContainerNames(template).map((name) =>
    hasContainerFile(paths, name, containerFiles.lock),
  );
  return (await Promise.all(looks)).includes(true);
}
