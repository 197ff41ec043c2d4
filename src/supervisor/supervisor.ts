import type { InputLoader } from "../inputs/index.ts";
import { announce, initialState, type WaitState, type WaitTools } from "../wait/index.ts";
import type { SupervisorConfig } from "./config.ts";

/**
 * The first phase of the init-less layout (docs/contract/pod.md#5.7): what init does in the legacy layout, while main
 * watches the status marker; then the verdict for main, then the same as wait. A failure before main is the first
 * error of the container, and leaves nothing to collect but logs.
 */
export async function supervisor(
  config: SupervisorConfig,
  loader: InputLoader,
  tools: WaitTools,
  signal: AbortSignal,
): Promise<WaitState> {
  const failure = config.isPrepared ? undefined : await prepareMain(config, loader, signal);
  const state: WaitState =
    failure === undefined ? initialState : { ...initialState, hasPreMainFailed: true, errors: [failure] };
  return announce(config, tools, await tools.openKube(), state, signal);
}

/** What knows of inputs is loaded only where there is something to do for main. */
async function prepareMain(config: SupervisorConfig, loader: InputLoader, signal: AbortSignal) {
  const { prepare } = await import("./prepare.ts");
  return prepare(config, loader, signal);
}
