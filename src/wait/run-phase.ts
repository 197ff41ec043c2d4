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

/** How a phase ends: no Node runs until something happens, or the container is done. */
export type PhaseEnd =
  | { readonly kind: "sleep"; readonly state: WaitState }
  | { readonly kind: "done"; readonly outcome: Outcome };

/** Reporting is never cancelled; only the end of the pod ends it (docs/contract/pod.md#5.6). */
const never = new AbortController().signal;

/** One waking phase of `wait` and `supervisor`: what starts it, then on to the next sleep or to the end. */
export async function runPhase(config: WaitConfig, tools: WaitTools, start: PhaseStart): Promise<PhaseEnd> {
  const next = await reachNext(config, tools, start);
  // A short step is over by now: no need to sleep, and to start Node once more.
  if (next.kind === "sleep" && !(await haveEnded(config.template, config.paths))) {
    return { kind: "sleep", state: next.state };
  }
  // What follows the first phase brings archives and stores with it: it is loaded when it is due.
  const { finish } = await import("./finish.ts");
  return { kind: "done", outcome: await finish(config, tools, next.state, never) };
}

async function reachNext(config: WaitConfig, tools: WaitTools, start: PhaseStart): Promise<Next> {
  if ("first" in start) return { kind: "sleep", state: await start.first() };
  const { resume } = await import("./resume.ts");
  return resume(config, tools, start.state, start.event, never);
}
