import {
  type AuxiliaryConfig,
  type AuxiliaryState,
  type AuxiliaryTools,
  announce,
  initialState,
} from "../auxiliary/index.ts";

/**
 * The first phase of the wait container: tell the controller that outputs will come (contract pod.md 5.6 step 1).
 * What follows, the sleep and the end, is the auxiliary container's common life.
 */
export async function wait(
  config: AuxiliaryConfig,
  tools: AuxiliaryTools,
  signal: AbortSignal,
): Promise<AuxiliaryState> {
  await using kube = await tools.openKube();
  return announce(config, tools, kube, initialState, signal);
}
