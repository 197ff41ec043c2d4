import { ExecutorError, exitStatusError } from "../src/errors/index.ts";
import type { KubeClient } from "../src/kube/index.ts";
import { mainContainerNames } from "../src/template/index.ts";
import {
  decodeState,
  encodeState,
  isStandbyEvent,
  type PhaseStart,
  runPhase,
  standbyRequest,
  type WaitConfig,
  type WaitState,
  type WaitTools,
} from "../src/wait/index.ts";
import { type PodEnvironment, readPodEnvironment } from "./environment.ts";
import { parseCommandLine } from "./flags.ts";
import type { Invocation } from "./invocation.ts";
import { Keeper } from "./keeper.ts";
import { podTools } from "./pod-tools.ts";
import { tracedPhase } from "./tracing.ts";

/** What the first phase of `wait` and `supervisor` has at hand. */
export interface FirstPhase {
  readonly pod: PodEnvironment;
  readonly config: WaitConfig;
  readonly tools: WaitTools;
  /** What comes before main is done. */
  readonly isPrepared: boolean;
}

/**
 * Runs a phase of the auxiliary container. Between phases no Node runs: the static program, our parent, sleeps at less
 * than 1 MB and starts us again when something has happened.
 */
export async function phaseCommand(
  name: "wait" | "supervisor",
  { args, env }: Invocation,
  first: (phase: FirstPhase) => Promise<WaitState>,
): Promise<number> {
  process.umask(0);
  const line = parseCommandLine(args, {});
  const keeper = new Keeper(env);
  if (!keeper.keepsState) {
    throw new ExecutorError(
      "Internal",
      "wait and supervisor are started by bin/argoexec, not by Node itself",
    );
  }
  const pod = readPodEnvironment(env);
  const config = waitConfig(pod, readsPodAnnotations(name, env));
  const ownTools = await podTools(line, env, pod.paths);
  await using kube = new OneKube(ownTools.openKube);
  const tools = { ...ownTools, openKube: () => kube.open() };
  const start: PhaseStart =
    keeper.event === undefined
      ? { first: () => first({ pod, config, tools, isPrepared: keeper.hasPrepared }) }
      : { event: checkEvent(keeper.event), state: decodeState(keeper.readState()) };
  const container = { name, env, log: tools.log, paths: pod.paths, mains: mainContainerNames(pod.template) };
  const end = await tracedPhase(container, start, () => runPhase(config, tools, start));
  if (end.kind === "sleep") {
    keeper.sleep(encodeState(end.state), standbyRequest(config, end.state));
    return 0;
  }
  const { message, isSuccess } = end.outcome;
  if (message !== undefined) tools.explain(message);
  return isSuccess ? 0 : exitStatusError;
}

/** A client of the API server, opened when it is first asked for; one that could not be opened is tried anew. */
class OneKube implements AsyncDisposable {
  readonly #open: WaitTools["openKube"];
  #opened: KubeClient | undefined;

  constructor(open: WaitTools["openKube"]) {
    this.#open = open;
  }

  async open(): Promise<KubeClient> {
    this.#opened ??= await this.#open();
    return this.#opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.[Symbol.asyncDispose]();
  }
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
  throw new ExecutorError("Internal", `the sleep was ended by "${text}", which is no event`);
}
