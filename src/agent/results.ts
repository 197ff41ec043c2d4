import { objectBytesMax } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import type { Journal } from "./journal.ts";
import type { Reporter } from "./reporter.ts";
import { isTerminal, type NodeResult, resultJson } from "./task.ts";
import type { WantedTasks } from "./wanted-tasks.ts";

export interface ResultsOptions {
  readonly wanted: WantedTasks;
  readonly journal: Journal;
  readonly reporter: Reporter;
  readonly log: Logger;
}

/** Where results enter the last part of their way: noted, so that a restart does not lose them, then reported. */
export class Results {
  readonly #options: ResultsOptions;

  constructor(options: ResultsOptions) {
    this.#options = options;
  }

  /** A result that is too large for a task set fails its node; one that nobody waits for any more is dropped. */
  add(nodeId: string, result: NodeResult): void {
    const { wanted, journal, reporter, log } = this.#options;
    if (!wanted.has(nodeId)) return;
    const json = resultJson(result);
    const sizeBytes = Buffer.byteLength(json);
    if (sizeBytes > objectBytesMax) {
      const message = `the result is ${sizeBytes} bytes as JSON, and a task set can hold ${objectBytesMax}`;
      this.add(nodeId, { phase: "Failed", message });
      return;
    }
    const isFinal = isTerminal(result.phase);
    if (isFinal) journal.noteAnswered(nodeId, json);
    reporter.report(nodeId, json, isFinal);
    log.info({ nodeId, phase: result.phase, message: result.message }, "task has a result");
  }

  /** A final result that an earlier run of the agent had noted, and perhaps not reported. */
  repeat(nodeId: string, json: string): void {
    this.#options.reporter.report(nodeId, json, true);
  }
}
