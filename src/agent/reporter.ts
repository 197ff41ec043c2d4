import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, ExecutorError, errorCode, errorText, isExecutorError } from "../errors/index.ts";
import { objectBytesMax, type TaskSet } from "../kube/index.ts";
import type { Backlog } from "../limits/index.ts";
import type { Logger } from "../log/index.ts";
import { doublingPauses, Tries } from "../retry/index.ts";
import type { Journal } from "./journal.ts";
import { isTerminal, type NodeResult, resultJson, type WantedTasks } from "./tasks.ts";

export interface ReporterOptions {
  /** Longest wait between two patches: `ARGO_AGENT_PATCH_RATE`. */
  readonly patchRateMs: number;
  readonly taskSet: TaskSet;
  /** Results of nodes that are not wanted would stop the controller (docs/contract/roles.md#1.1). */
  readonly wanted: WantedTasks;
  /** Told of each final result before it is sent, and when the API server has it. */
  readonly journal: Journal;
  /** Where results wait until the API server has them. */
  readonly room: Backlog;
  readonly log: Logger;
}

interface Entry {
  readonly nodeId: string;
  readonly json: string;
  readonly sizeBytes: number;
  readonly isFinal: boolean;
  /** Until then other results go first: the object had no room for this one. */
  heldUntilMs: number;
  heldSinceMs: number | undefined;
}

/** Patches stay below this: the object as a whole may have 1.5 MiB (docs/contract/roles.md#7.1), a request 3 MiB. */
const patchBytesMax = 512 * 1024;
/** Patches follow each other no closer; results that come meanwhile travel together. */
const spacingMs = 100;
/** The first error is most often a kept connection that the server has closed. */
const retryMsMin = 50;
const retryMsMax = 30_000;
/** An error of the server that might be the content's fault is repeated so often before the batch is divided. */
const internalErrorsMax = 6;
/** A result for which the object had no room for so long fails its node. */
const holdMsMax = 60_000;
/** Where not even such a result finds room, trying the others is of no use for a while. */
const smallBytes = 4 * 1024;

/** Whatever it was: a result that is not reported is lost. */
const policy = { pauses: doublingPauses(retryMsMin, retryMsMax, 0.1), repeats: () => true };

/** Errors that lie in what was sent. */
const contentErrors: ReadonlySet<ErrorCode> = new Set(["BadRequest", "TooLarge"]);

/**
 * Brings results into the task set: at once when it is quiet, together under load, never dropped before the API server
 * has acknowledged them. A batch that is refused for its content is halved until the offender is alone; that node
 * becomes an Error, all others arrive (docs/contract/roles.md#1.7, #1.11).
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #entries = new Map<string, Entry>();
  #wake = Promise.withResolvers<void>();
  #internalErrors = 0;
  #lastSuccessMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /**
   * Takes a result over: noted, so that a restart does not lose it, then reported. One that is too large for a task set
   * fails its node; one that nobody waits for any more is dropped.
   */
  add(nodeId: string, result: NodeResult): void {
    const { wanted, journal, log } = this.#options;
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
    this.#queue(nodeId, json, isFinal);
    log.info({ nodeId, phase: result.phase, message: result.message }, "task has a result");
  }

  /** A final result that an earlier run of the agent had noted, and perhaps not reported. */
  repeat(nodeId: string, json: string): void {
    this.#queue(nodeId, json, true);
  }

  /** Reports until `signal` aborts; then throws its reason. */
  async run(signal: AbortSignal): Promise<never> {
    signal.addEventListener("abort", () => this.#wake.resolve(), { once: true });
    for (;;) {
      signal.throwIfAborted();
      const start = performance.now();
      this.#wake = Promise.withResolvers();
      if (!(await this.#round(signal))) {
        const timer = this.#wakeWhenDue();
        await this.#wake.promise;
        clearTimeout(timer);
        continue;
      }
      // An object that takes long to store is stored less often.
      const restMs = Math.max(spacingMs, performance.now() - start);
      await sleep(Math.min(restMs, Math.max(this.#options.patchRateMs, spacingMs)), undefined, { signal });
    }
  }

  /** Sends what is there, before the end. Throws Timeout where that took too long. */
  async flush(signal: AbortSignal): Promise<void> {
    try {
      while (this.#entries.size > 0 && (await this.#round(signal)));
    } catch (error) {
      const text = `${this.#entries.size} results could not be reported before the end: ${errorText(error)}`;
      throw new ExecutorError("Timeout", text, { cause: error });
    }
  }

  /** One patch, retried until it is through or divided. @returns false if nothing was due */
  async #round(signal: AbortSignal): Promise<boolean> {
    const onRetry = (error: ExecutorError, pauseMs: number) =>
      this.#options.log.warn({ error: errorText(error), pauseMs }, "results could not be reported yet");
    const tries = new Tries(policy, { onRetry });
    for (;;) {
      const batch = this.#batch();
      if (batch.length === 0) return false;
      try {
        await this.#deliver(batch, signal);
        this.#internalErrors = 0;
        return true;
      } catch (error) {
        signal.throwIfAborted();
        const told = isExecutorError(error)
          ? error
          : ExecutorError.wrap(error, `report ${batch.length} results`);
        await tries.pause(told, signal);
      }
    }
  }

  /** Results that are due, oldest first, as many as fit in one patch. */
  #batch(): readonly Entry[] {
    const now = performance.now();
    const batch: Entry[] = [];
    let sizeBytes = 0;
    for (const entry of [...this.#entries.values()]) {
      if (!this.#options.wanted.has(entry.nodeId)) {
        this.#remove(entry);
        continue;
      }
      if (entry.heldUntilMs > now) continue;
      if (batch.length > 0 && sizeBytes + entry.sizeBytes > patchBytesMax) break;
      batch.push(entry);
      sizeBytes += entry.sizeBytes;
    }
    return batch;
  }

  async #deliver(batch: readonly Entry[], signal: AbortSignal): Promise<void> {
    const members = batch.map(({ nodeId, json }) => `${JSON.stringify(nodeId)}:${json}`);
    try {
      await this.#options.taskSet.patchNodes(`{${members.join(",")}}`, signal);
    } catch (error) {
      if (signal.aborted || !this.#isContentError(error)) throw error;
      await this.#divide(batch, error, signal);
      return;
    }
    this.#lastSuccessMs = performance.now();
    for (const entry of batch) {
      if (this.#entries.get(entry.nodeId) !== entry) continue;
      this.#remove(entry);
      if (entry.isFinal) this.#options.journal.noteReported(entry.nodeId);
    }
  }

  #isContentError(error: unknown): boolean {
    const code = errorCode(error);
    if (code === "Internal") return ++this.#internalErrors > internalErrorsMax;
    return contentErrors.has(code);
  }

  /** Small results first: where there is no room for the large ones, there may be for them. */
  async #divide(batch: readonly Entry[], error: unknown, signal: AbortSignal): Promise<void> {
    const [entry] = batch;
    if (batch.length > 1) {
      const bySize = batch.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
      const middle = batch.length >> 1;
      await this.#deliver(bySize.slice(0, middle), signal);
      await this.#deliver(bySize.slice(middle), signal);
    } else if (entry !== undefined) {
      if (errorCode(error) === "BadRequest" || !this.#hold(entry, errorCode(error)))
        this.#replace(entry, error);
      else if (entry.sizeBytes < smallBytes) throw error;
    }
  }

  /**
   * What may not be the result's own fault waits: an object without room gets room when the controller has taken over
   * other results, a server with an error is mended. @returns whether it waits
   */
  #hold(entry: Entry, code: ErrorCode): boolean {
    const now = performance.now();
    entry.heldSinceMs ??= now;
    const waitedMs = now - entry.heldSinceMs;
    const isOwnFault = code === "TooLarge" || this.#lastSuccessMs > entry.heldSinceMs;
    if (waitedMs > holdMsMax && isOwnFault) return false;
    entry.heldUntilMs = now + Math.min(Math.max(waitedMs, 500), 10_000);
    return true;
  }

  #replace(entry: Entry, error: unknown): void {
    const { nodeId } = entry;
    this.#options.log.error({ nodeId, error: errorText(error) }, "the API server refuses a result");
    if (this.#entries.get(nodeId) !== entry) return;
    const message = `HTTP request completed successfully but an error occurred when patching its result: ${errorText(error)}`;
    this.#queue(nodeId, resultJson({ phase: "Error", message: message.slice(0, 4096) }), true);
  }

  /** A later result of the same node takes the place of an earlier one. */
  #queue(nodeId: string, json: string, isFinal: boolean): void {
    this.#remove(this.#entries.get(nodeId));
    const sizeBytes = Buffer.byteLength(json) + nodeId.length + 4;
    this.#entries.set(nodeId, { nodeId, json, sizeBytes, isFinal, heldUntilMs: 0, heldSinceMs: undefined });
    this.#options.room.take(sizeBytes);
    this.#wake.resolve();
  }

  #remove(entry: Entry | undefined): void {
    if (entry === undefined || this.#entries.get(entry.nodeId) !== entry) return;
    this.#entries.delete(entry.nodeId);
    this.#options.room.giveBack(entry.sizeBytes);
  }

  #wakeWhenDue(): NodeJS.Timeout | undefined {
    const due = Math.min(...[...this.#entries.values()].map(({ heldUntilMs }) => heldUntilMs));
    if (!Number.isFinite(due)) return undefined;
    return setTimeout(() => this.#wake.resolve(), Math.max(0, due - performance.now()));
  }
}
