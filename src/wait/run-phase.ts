import { setImmediate } from "node:timers/promises";
import { haveEnded } from "../podfiles/index.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import type { Outcome } from "./finish.ts";
import type { Next } from "./resume.ts";
import type { StandbyEvent } from "./standby.ts";
import type { WaitState } from "./state.ts";

export type { Outcome } from "./finish.ts";

/** Where a phase begins: with what the container does first, or with what ended its sleep. */
export type PhaseStart =
  | { readonly first: () => Promise<WaitState> }
  | { readonly event: StandbyEvent; readonly state: WaitState };

/** How a phase ends: the process sleeps as the static program, or the container is done. */
export type PhaseEnd =
  | { readonly kind: "sleep"; readonly state: WaitState }
  | { readonly kind: "done"; readonly outcome: Outcome };

/** Reporting is never cancelled; only the end of the pod ends it (contract pod.md 5.6). */
const never = new AbortController().signal;

/**
 * One waking phase of `wait` and `supervisor`: what starts it, then on to the next sleep or to the end.
 * @param stop SIGTERM, which would not wake the sleeping program if it came while we were awake
 */
export async function runPhase(
  config: WaitConfig,
  tools: WaitTools,
  start: PhaseStart,
  stop: AbortSignal,
): Promise<PhaseEnd> {
  const next = await reachNext(config, tools, start, stop);
  // A short step is over by now: no need to sleep, and to start Node once more.
  if (next.kind === "sleep" && !(await haveEnded(config.template, config.paths))) {
    return { kind: "sleep", state: next.state };
  }
  // What follows the first phase brings archives and stores with it: it is loaded when it is due.
  const { finish } = await import("./finish.ts");
  return { kind: "done", outcome: await finish(config, tools, next.state, never) };
}

async function reachNext(
  config: WaitConfig,
  tools: WaitTools,
  start: PhaseStart,
  stop: AbortSignal,
): Promise<Next> {
  let next: Next;
  if ("first" in start) {
    next = { kind: "sleep", state: await start.first() };
    await pendingSignals();
    if (!stop.aborted) return next;
  } else {
    const { resume } = await import("./resume.ts");
    await pendingSignals();
    next = await resume(config, tools, start.state, start.event, never);
    await pendingSignals();
  }
  if (next.kind !== "sleep" || !stop.aborted) return next;
  const { resume } = await import("./resume.ts");
  return resume(config, tools, next.state, "signal", never);
}

/**
 * Lets the event loop look for signals once more. One that came while the last answer was being read waits in a pipe of
 * this process, and would be lost with it when the process is replaced.
 */
async function pendingSignals(): Promise<void> {
  await setImmediate();
  await setImmediate();
}
