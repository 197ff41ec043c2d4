import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../errors/index.ts";
import type { Outputs } from "../template/index.ts";

export interface EarlyReportTools {
  /** Sends outputs once; never repeats by itself. */
  readonly send: (outputs: Outputs) => Promise<void>;
  readonly warn: (message: string) => void;
}

/** A pod that is ended and has nothing slow to save is spared the early report. */
const firstMs = 1000;
/** The least time between two reports; after failures it doubles up to the second. */
const againMs = 1000;
const againMsMax = 30_000;

/**
 * Nobody tells a container that is told to end how long it has: a node that is drained may give less than the pod's own grace
 * period. From a TERM on, whatever is complete is therefore reported while the rest is being saved, for that is kept if we
 * are killed. Nothing is given up: the final report replaces this one.
 */
export class EarlyReport implements AsyncDisposable {
  readonly #tools: EarlyReportTools;
  readonly #ended = new AbortController();
  readonly #done: Promise<void>;
  #outputs: Outputs = {};
  #sent = "{}";

  /** @param term fires when the container is told to end */
  constructor(tools: EarlyReportTools, term: AbortSignal) {
    this.#tools = tools;
    this.#done = this.#run(term);
  }

  /** What is complete by now. */
  update(outputs: Outputs): void {
    this.#outputs = outputs;
  }

  /** Waits for a report that is on its way, for one that overtook the final one would undo it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#done;
  }

  async #run(term: AbortSignal): Promise<void> {
    await fired(AbortSignal.any([term, this.#ended.signal]));
    await this.#pause(firstMs);
    for (let pauseMs = againMs; !this.#ended.signal.aborted; await this.#pause(pauseMs)) {
      const isReported = await this.#report();
      pauseMs = isReported ? againMs : Math.min(2 * pauseMs, againMsMax);
    }
  }

  /** False where it could not be sent. */
  async #report(): Promise<boolean> {
    const text = JSON.stringify(this.#outputs);
    if (text === this.#sent) return true;
    try {
      await this.#tools.send(this.#outputs);
      this.#sent = text;
      return true;
    } catch (error) {
      this.#tools.warn(`what is complete could not be reported yet: ${errorText(error)}`);
      return false;
    }
  }

  async #pause(ms: number): Promise<void> {
    // It ends early when everything is saved.
    await sleep(ms, undefined, { signal: this.#ended.signal }).catch(() => {});
  }
}

function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
