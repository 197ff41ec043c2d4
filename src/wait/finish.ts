import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError, errorText } from "../errors/index.ts";
import { objectBytesMax, type Persistence, TaskResult } from "../kube/index.ts";
import { fitOutputs, MainServer, readProgress } from "../outputs/index.ts";
import { endContainers } from "../podfiles/index.ts";
import type { Outputs } from "../template/index.ts";
import { type CollectedOutputs, collectOutputs, type OutputsSoFar } from "./collect-outputs.ts";
import type { WaitConfig, WaitTools } from "./config.ts";
import { EarlyReport } from "./early-report.ts";
import type { WaitState } from "./state.ts";
import { TermMessage } from "./term-message.ts";

/** What the container ends with. */
export interface Outcome {
  /** The first error recorded: the termination message. */
  readonly message: string | undefined;
  /** False: exit status 64. Errors of the very last steps show in the message only (docs/contract/pod.md#5.9). */
  readonly isSuccess: boolean;
}

/** What is known when the end begins. */
export interface Beginning {
  readonly state: WaitState;
  /** The state that follows, where the announcement is still on its way. */
  readonly announced?: Promise<WaitState>;
}

/**
 * The end of the auxiliary container: collect, report, plugin sidecars, the label that releases the controller, and
 * last of all main, whose emissary has waited for us, so that no sidecar is ended while something is being uploaded
 * (docs/contract/pod.md#5.6 steps 3 to 10).
 */
export async function finish(
  config: WaitConfig,
  tools: WaitTools,
  { state, announced }: Beginning,
  signal: AbortSignal,
): Promise<Outcome> {
  const { log } = tools;
  const main = new MainServer(config.paths);
  const errors = [...state.errors];
  const lateErrors: string[] = [];
  const told = tools.listenForTerm();
  const term = state.isTerminating ? AbortSignal.abort() : told;
  // What the deadline has said stays.
  const message = new TermMessage(state.isDeadlineOver ? () => {} : tools.explain, term);
  try {
    // An announcement that has thrown is made up for by the report.
    const later = announced?.catch(() => state);
    const report = new FinalReport(config, tools, later ?? Promise.resolve(state));
    // Whatever goes wrong here, the controller must be told that nothing more will come.
    await recorded(errors, async () => {
      const ending = { state, main, report, term, message };
      const [collected, told] = await Promise.all([collectEarly(config, tools, ending, signal), later]);
      errors.push(...(told?.errors ?? []), ...collected.errors.map(errorText));
      message.set("the outputs were reported");
      await report.send(collected.outputs, config.pluginContainers.length === 0, errors, signal);
    });
    await recorded(lateErrors, () => endPlugins(config, tools, signal));
    await recorded(lateErrors, () => report.finalize(signal));
  } finally {
    message.clear();
    await main.release(signal);
  }
  for (const error of [...errors, ...lateErrors]) log.error({ error }, "executor error");
  return { message: [...errors, ...lateErrors][0], isSuccess: errors.length === 0 };
}

/** Collects; once we are told to end, what is complete is reported meanwhile. */
async function collectEarly(
  config: WaitConfig,
  tools: WaitTools,
  { state, main, report, term, message }: Ending,
  signal: AbortSignal,
): Promise<CollectedOutputs> {
  const send = (outputs: Outputs) => report.sendEarly(outputs, signal);
  await using early = new EarlyReport({ send, warn: (text) => tools.log.warn({}, text) }, term);
  const onProgress = ({ outputs, pending }: OutputsSoFar) => {
    early.update(outputs);
    if (pending.length > 0) message.set(`these were saved: ${pending.join(", ")}`);
  };
  message.set("the outputs were collected");
  return await collectOutputs(config, tools, { state, main, onProgress }, signal);
}

interface Ending {
  readonly state: WaitState;
  readonly main: MainServer;
  readonly report: FinalReport;
  /** Fires when we are told to end, or did so before. */
  readonly term: AbortSignal;
  readonly message: TermMessage;
}

async function recorded(errors: string[], step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    errors.push(errorText(error));
  }
}

/** The last words to the controller. Nothing but the end of the pod ends them: it waits for the task result. */
class FinalReport {
  readonly #config: WaitConfig;
  readonly #tools: WaitTools;
  readonly #state: Promise<WaitState>;
  readonly #persistence: Persistence;
  #taskResult: TaskResult | undefined;
  #isFinal = false;

  constructor(config: WaitConfig, tools: WaitTools, state: Promise<WaitState>) {
    this.#config = config;
    this.#tools = tools;
    this.#state = state;
    this.#persistence = {
      patienceMs: Number.POSITIVE_INFINITY,
      onRetry: (error, pauseMs) => {
        tools.log.warn(
          { error: errorText(error), pauseMs: Math.round(pauseMs) },
          "the task result will be sent again",
        );
      },
    };
  }

  /**
   * Sends progress that nobody has sent yet, and the outputs; what is too large is left out and named in `errors`.
   * @param isLast nothing has to happen before the label: both are one request
   */
  async send(outputs: Outputs, isLast: boolean, errors: string[], signal: AbortSignal): Promise<void> {
    const taskResult = await this.#open(signal);
    const state = await this.#state;
    const { progress } = this.#config;
    const line = progress && (await readProgress(progress.file));
    if (line !== undefined && line !== state.progressSeen) {
      await taskResult.reportProgress(line, this.#persistence, signal);
    }
    const fitted = fitOutputs(outputs, objectBytesMax);
    errors.push(...fitted.errors.map(errorText));
    try {
      if (isLast) await taskResult.complete(fitted.outputs, this.#persistence, signal);
      else await taskResult.reportOutputs(fitted.outputs, this.#persistence, signal);
      this.#isFinal = isLast;
    } catch (error) {
      // The refusal to make the object was said already, and better.
      if (state.errors.length === 0) throw ExecutorError.wrap(error, "failed to report outputs");
    }
  }

  /** Sends what is complete while the rest is being saved: once, for the final report is still to come. */
  async sendEarly(outputs: Outputs, signal: AbortSignal): Promise<void> {
    const taskResult = await this.#open(signal);
    const fitted = fitOutputs(outputs, objectBytesMax);
    await taskResult.reportOutputs(fitted.outputs, { patienceMs: 0 }, signal);
  }

  /** Sets the label, where it is not set yet: always, whatever has failed before. */
  async finalize(signal: AbortSignal): Promise<void> {
    if (this.#isFinal) return;
    const taskResult = await this.#open(signal);
    await taskResult.finalize(this.#persistence, signal);
  }

  /** The API server may have asked an earlier phase of this container to come back later. */
  async #open(signal: AbortSignal): Promise<TaskResult> {
    const { apiBusyUntilMs, taskResult } = await this.#state;
    const busyMs = apiBusyUntilMs - Date.now();
    if (busyMs > 0) await sleep(busyMs, undefined, { signal });
    const kube = await this.#tools.openKube();
    this.#taskResult ??= new TaskResult(kube, this.#config.identity, taskResult);
    return this.#taskResult;
  }
}

async function endPlugins(config: WaitConfig, tools: WaitTools, signal: AbortSignal): Promise<void> {
  const { paths, pluginContainers, gracePeriodMs } = config;
  if (pluginContainers.length === 0) return;
  const alive = await endContainers(paths, pluginContainers, gracePeriodMs, tools.log, signal);
  if (alive.length > 0) {
    throw new ExecutorError("Timeout", `artifact plugin containers did not end: ${alive.join(", ")}`);
  }
}
