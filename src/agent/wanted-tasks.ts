import type { TaskSetState } from "../kube/index.ts";

/** Ids of nodes that have left the task set; a late echo of one must not run it again. */
const departedMax = 20_000;

/** The nodes in `spec.tasks` now: each is executed once, whatever number of events repeat it. */
export class WantedTasks implements Disposable {
  readonly #present = new Map<string, AbortController>();
  readonly #departed = new Set<string>();

  /** Nobody has told of any task yet. */
  get isEmpty(): boolean {
    return this.#present.size === 0;
  }

  has(nodeId: string): boolean {
    return this.#present.has(nodeId);
  }

  /** Aborts when the node has left the task set; undefined where it has left already. */
  signalOf(nodeId: string): AbortSignal | undefined {
    return this.#present.get(nodeId)?.signal;
  }

  /** Takes over the present list; returns the ids that are new in it, and those that have left it. */
  update({ tasks }: TaskSetState): { readonly come: readonly string[]; readonly gone: readonly string[] } {
    const gone = [...this.#present.keys()].filter((nodeId) => !Object.hasOwn(tasks, nodeId));
    for (const nodeId of gone) this.#letGo(nodeId);
    const come = Object.keys(tasks).filter((nodeId) => !this.has(nodeId) && !this.#departed.has(nodeId));
    for (const nodeId of come) this.#present.set(nodeId, new AbortController());
    return { come, gone };
  }

  [Symbol.dispose](): void {
    for (const controller of this.#present.values()) controller.abort();
  }

  /** Nobody waits for it any more: the node was fulfilled by us, or by somebody who stopped it. */
  #letGo(nodeId: string): void {
    this.#present.get(nodeId)?.abort();
    this.#present.delete(nodeId);
    this.#departed.add(nodeId);
    for (const oldest of this.#departed) {
      if (this.#departed.size <= departedMax) return;
      this.#departed.delete(oldest);
    }
  }
}
