import { errorText, isExecutorError } from "../errors/index.ts";
import { busyUntilMs, type KubeClient, TaskResult } from "../kube/index.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import type { WaitState } from "./state.ts";

/** Main must not go unwatched while the API server is away: try for so long, then sleep and try again later. */
const announcePatienceMs = 3000;
const announceAgainMs = 30_000;

/**
 * Makes the task result, so that the controller knows there are outputs to wait for (docs/contract/pod.md#5.6 step 1).
 * A refusal is recorded and the pod goes on; a server that is away is asked again after 30 s of sleep.
 */
export async function announce(
  config: WaitConfig,
  tools: WaitTools,
  kube: KubeClient,
  state: WaitState,
  signal: AbortSignal,
): Promise<WaitState> {
  if (state.isAnnounced) return state;
  const taskResult = new TaskResult(kube, config.identity, state.taskResult);
  try {
    await taskResult.initialize({ patienceMs: announcePatienceMs }, signal);
    return { ...state, isAnnounced: true, taskResult: taskResult.state };
  } catch (error) {
    tools.log.warn({ error: errorText(error) }, "the task result could not be made");
    if (isExecutorError(error, "Transient")) {
      const apiBusyUntilMs = busyUntilMs(error);
      const atMs = Math.max(Date.now() + announceAgainMs, apiBusyUntilMs);
      return { ...state, limit: { atMs, reason: "announce again" }, apiBusyUntilMs };
    }
    const errors = [...state.errors, errorText(error)];
    return { ...state, isAnnounced: true, taskResult: taskResult.state, errors };
  }
}
