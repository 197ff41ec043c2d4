import { setTimeout as sleep } from "node:timers/promises";
import { haveEnded } from "../podfiles/index.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import type { Outcome } from "./finish.ts";
import type { Next } from "./resume.ts";
import type { StandbyEvent } from "./standby.ts";
import { initialState, type WaitState } from "./state.ts";

export type { Outcome } from "./finish.ts";

/** Where a phase begins: with what the container does first, or with what ended its sleep. */
export type PhaseStart =
  | { readonly first: () => Promise<WaitState> }
  | { readonly event: StandbyEvent; readonly state: WaitState };

/** How a phase ends: no Node runs until something happens, or the container is done. */
export type PhaseEnd =
  | { readonly kind: "sleep"; readonly state: WaitState }
  | { readonly kind: "done"; readonly outcome: Outcome };

/** For how long a first phase waits for a step that may be a short one. */
const lingerMs = 300;
const lookEveryMs = 15;

/** Reporting is never cancelled; only the end of the pod ends it (docs/contract/pod.md#5.6). */
const never = new AbortController().signal;

/** One waking phase of `wait` and `supervisor`: what starts it, then on to the next sleep or to the end. */
export async function runPhase(config: WaitConfig, tools: WaitTools, start: PhaseStart): Promise<PhaseEnd> {
  if ("first" in start && (await haveEnded(config.template, config.paths))) {
    return { kind: "done", outcome: await finishAtOnce(config, tools, start.first()) };
  }
  const next = await reachNext(config, tools, start);
  // A short step is over by now, or soon: no need to sleep, and to start Node once more.
  const lingersMs = "first" in start ? lingerMs : 0;
  if (next.kind === "sleep" && !(await endWithin(lingersMs, config, next.state))) {
    return { kind: "sleep", state: next.state };
  }
  // What follows the first phase brings archives and stores with it: it is loaded when it is due.
  const { finish } = await import("./finish.ts");
  return { kind: "done", outcome: await finish(config, tools, { state: next.state }, never) };
}

/** Looks, for no event reaches us before we sleep. A start of Node takes as much CPU as some hundred looks. */
async function endWithin(ms: number, config: WaitConfig, state: WaitState): Promise<boolean> {
  const dueMs = Math.min(
    config.deadlineMs ?? Number.POSITIVE_INFINITY,
    state.limit?.atMs ?? Number.POSITIVE_INFINITY,
  );
  const endMs = performance.now() + Math.min(ms, dueMs - Date.now());
  for (;;) {
    if (await haveEnded(config.template, config.paths)) return true;
    if (performance.now() >= endMs) return false;
    await sleep(lookEveryMs);
  }
}

/** A step that was over before we began: its outputs are saved while the API server answers. */
async function finishAtOnce(
  config: WaitConfig,
  tools: WaitTools,
  announced: Promise<WaitState>,
): Promise<Outcome> {
  // What is wrong is told where it is waited for.
  announced.catch(() => {});
  const { finish } = await import("./finish.ts");
  return finish(config, tools, { state: initialState, announced }, never);
}

async function reachNext(config: WaitConfig, tools: WaitTools, start: PhaseStart): Promise<Next> {
  if ("first" in start) return { kind: "sleep", state: await start.first() };
  const { resume } = await import("./resume.ts");
  return resume(config, tools, start.state, start.event, never);
}
