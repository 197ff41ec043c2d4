import type { TaskSetState } from "../kube/index.ts";
import type { Outputs } from "../template/index.ts";

/** A node's phase as the controller knows it. */
export type Phase = "Pending" | "Running" | "Succeeded" | "Skipped" | "Failed" | "Error" | "Omitted";

/** What the agent writes into `status.nodes` for one node (docs/contract/roles.md#7.1). */
export interface NodeResult {
  readonly phase: Phase;
  readonly message?: string | undefined;
  readonly outputs?: Outputs | undefined;
  /** `N/M`. */
  readonly progress?: string | undefined;
}

/** What came of one execution; no result: nothing to report (yet). */
export interface Outcome {
  readonly result?: NodeResult | undefined;
  /** Execute again after this long. */
  readonly requeueMs?: number | undefined;
}

/** One entry of `spec.tasks`. The template is as the controller wrote it: checked where it is used. */
export interface Task {
  readonly nodeId: string;
  readonly template: Readonly<Record<string, unknown>>;
}

const terminalPhases: ReadonlySet<string> = new Set(["Succeeded", "Skipped", "Failed", "Error", "Omitted"]);

/** Nothing that is reported later changes such a node (docs/contract/roles.md#1.11). */
export function isTerminal(phase: string | undefined): boolean {
  return phase !== undefined && terminalPhases.has(phase);
}

/**
 * The result as the merge patch carries it. Absent fields are sent as null, or those of an earlier report would stay
 * (docs/contract/roles.md#D-08).
 */
export function resultJson({ phase, message, outputs, progress }: NodeResult): string {
  return JSON.stringify({
    phase,
    message: message || null,
    outputs: outputs ?? null,
    progress: progress || null,
  });
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function errorResult(message: string): NodeResult {
  return { phase: "Error", message };
}

/** What shares the places of one server in the queue. */
export function serverOf({ template }: Task): string {
  const url = isRecord(template.http) ? template.http.url : undefined;
  if (typeof url !== "string") return "plugin";
  return URL.canParse(url) ? new URL(url).host : url;
}

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
