import type { GcResult, GcResults } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import type { GcOutcome } from "./batches.ts";

export interface TaskReportOptions {
  readonly task: string;
  /** How many artifacts it has. */
  readonly count: number;
  /** How long a result may wait for others. */
  readonly intervalMs: number;
  readonly send: (results: GcResults) => Promise<void>;
  readonly log: Logger;
}

/**
 * Sends the results of one task: at intervals while its artifacts are being deleted, and the rest as soon as the last
 * is there. One patch is on its way at a time, holding whatever has come together since the one before.
 */
export class TaskReport {
  readonly #options: TaskReportOptions;
  /** Artifacts without a result. */
  #missing: number;
  #deleted = 0;
  #failed = 0;
  #pending: Record<string, Record<string, GcResult>> = {};
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: TaskReportOptions) {
    this.#options = options;
    this.#missing = options.count;
  }

  add(outcomes: readonly GcOutcome[]): void {
    for (const { nodeId, result } of outcomes) {
      const node = this.#pending[nodeId] ?? {};
      node[result.name] = result;
      this.#pending[nodeId] = node;
      this.#note(nodeId, result);
    }
    this.#missing -= outcomes.length;
    this.#schedule();
  }

  /** Sends what has not been sent. Throws what kept anything from being sent. */
  async finish(): Promise<void> {
    this.#missing = 0;
    this.#schedule();
    while (this.#sending) await this.#sending;
    if (this.#failure) throw this.#failure.error;
    const counts = { deleted: this.#deleted, failed: this.#failed };
    this.#options.log.info({ task: this.#options.task, ...counts }, "artifact garbage collected");
  }

  #note(nodeId: string, { name, error }: GcResult): void {
    if (error === undefined) {
      this.#deleted += 1;
      return;
    }
    this.#failed += 1;
    const artifact = { task: this.#options.task, nodeId, artifactName: name };
    this.#options.log.warn({ ...artifact, error }, "artifact not deleted");
  }

  #schedule(): void {
    if (this.#sending || Object.keys(this.#pending).length === 0) return;
    if (this.#missing <= 0) this.#sending = this.#sendPending();
    else
      this.#timer ??= setTimeout(() => {
        this.#sending = this.#sendPending();
      }, this.#options.intervalMs);
  }

  async #sendPending(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const results = this.#pending;
    this.#pending = {};
    try {
      await this.#options.send(results);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#sending = undefined;
    this.#schedule();
  }
}
