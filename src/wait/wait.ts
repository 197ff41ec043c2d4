import { announce } from "./announce.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import { initialState, type WaitState } from "./state.ts";

/**
 * The first phase of the wait container: tell the controller that outputs will come (docs/contract/pod.md#5.6 step 1).
 * What follows, the sleep and the end, is the same for `supervisor`.
 */
export async function wait(config: WaitConfig, tools: WaitTools, signal: AbortSignal): Promise<WaitState> {
  return announce(config, tools, await tools.openKube(), initialState, signal);
}
