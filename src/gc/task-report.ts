import type { GcResult, GcResults } from "../kube/index.ts";
import type { GcOutcome } from "./delete-artifacts.ts";

/**
 * Sends the results of one task while its artifacts are still being deleted: one patch on its way at a time, holding
 * whatever has come together since the last. An API server that is slow gets fewer patches, not a queue of them.
 */
export class TaskReport {
  readonly #send: (results: GcResults) => Promise<void>;
  #pending: Record<string, Record<string, GcResult>> = {};
  #sending: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(send: (results: GcResults) => Promise<void>) {
    this.#send = send;
  }

  add(outcomes: readonly GcOutcome[]): void {
    for (const { nodeId, result } of outcomes) {
      const node = this.#pending[nodeId] ?? {};
      node[result.name] = result;
      this.#pending[nodeId] = node;
    }
    this.#sending ??= this.#drain();
  }

  /** Resolves when everything that was added has been sent. Throws what kept it from being sent. */
  async finish(): Promise<void> {
    await this.#sending;
    if (this.#failure) throw this.#failure.error;
  }

  async #drain(): Promise<void> {
    try {
      while (Object.keys(this.#pending).length > 0) {
        const results = this.#pending;
        this.#pending = {};
        await this.#send(results);
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#sending = undefined;
    }
  }
}
