import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError, isExecutorError } from "../errors/index.ts";
import { doublingPauses, Tries } from "../retry/index.ts";
import { isCompleted, type TaskSet, type TaskSetState } from "./task-sets.ts";
import type { WatchEvent } from "./watch.ts";

export interface TaskSetReader {
  /** Told each new list of tasks, oldest first. */
  onTasks(state: TaskSetState): void;
  /** Told before each pause after an error. */
  onRetry(error: unknown, pauseMs: number): void;
}

const pauseMsMin = 100;
/** Tasks that appear meanwhile are late by that much at most. */
const pauseMsMax = 3_000;
/** An identity that is unknown or not allowed for so long will stay so. */
const refusalMsMax = 60_000;
/** A watch that lived so long ended in order; the next one need not wait. */
const longWatchMs = 5_000;
/** Reading the task set again may take a fifth of the CPU: the larger it is, the more changes are read together. */
const cpuShare = 5;
const restMsMax = 5_000;

/**
 * Tells the reader every change of `spec.tasks` until the task set is deleted or its workflow is completed.
 *
 * The watch is asked for metadata alone. Only a new generation, which is a change of the tasks, makes us read the
 * object, so that a large task set does not cost its size for each result that we or the controller write into its
 * status. Throws when the API server refuses us for a minute.
 */
export async function followTaskSet(
  taskSet: TaskSet,
  reader: TaskSetReader,
  signal: AbortSignal,
): Promise<"deleted" | "completed"> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const follower = new Follower(taskSet, reader, either);
  try {
    return await Promise.race([follower.refresh(), follower.watch()]);
  } finally {
    done.abort();
  }
}

class Follower {
  readonly #taskSet: TaskSet;
  readonly #reader: TaskSetReader;
  readonly #signal: AbortSignal;
  readonly #pauses: WatchPauses;
  #known: TaskSetState | undefined;
  #version = "";
  #stale = Promise.withResolvers<void>();
  #fresh = Promise.withResolvers<void>();

  constructor(taskSet: TaskSet, reader: TaskSetReader, signal: AbortSignal) {
    this.#taskSet = taskSet;
    this.#reader = reader;
    this.#signal = signal;
    this.#pauses = new WatchPauses((error, pauseMs) => reader.onRetry(error, pauseMs));
    this.#stale.resolve();
  }

  /** Reads the task set whenever what we know of it is stale. */
  async refresh(): Promise<"deleted" | "completed"> {
    for (;;) {
      await this.#stale.promise;
      this.#stale = Promise.withResolvers();
      const before = process.cpuUsage();
      const { state, resourceVersion } = await this.#read();
      if (state === undefined && this.#known !== undefined) return "deleted";
      if (state?.isCompleted) return "completed";
      this.#known = state;
      if (this.#version === "") this.#version = resourceVersion;
      this.#fresh.resolve();
      if (state === undefined) continue;
      this.#reader.onTasks(state);
      const { user, system } = process.cpuUsage(before);
      const restMs = Math.min(((user + system) / 1000) * (cpuShare - 1), restMsMax);
      await sleep(restMs, undefined, { signal: this.#signal });
    }
  }

  async watch(): Promise<"deleted" | "completed"> {
    for (;;) {
      await this.#fresh.promise;
      const start = performance.now();
      try {
        for await (const event of this.#taskSet.watch(this.#version, this.#signal)) {
          const end = this.#note(event);
          if (end !== undefined) return end;
        }
        if (this.#pauses.isRenewedBy(start)) continue;
        await this.#pauses.pause(endedAtOnce(), this.#signal);
      } catch (error) {
        this.#pauses.isRenewedBy(start);
        if (isExecutorError(error, "Conflict")) {
          this.#fresh = Promise.withResolvers();
          this.#version = "";
          this.#stale.resolve();
        }
        await this.#pauses.pause(error, this.#signal);
      }
    }
  }

  #note(event: WatchEvent): "deleted" | "completed" | undefined {
    this.#pauses.renew();
    this.#version = event.resourceVersion ?? this.#version;
    if (event.type === "BOOKMARK") return undefined;
    if (event.type === "DELETED") return "deleted";
    if (isCompleted(event.labels)) return "completed";
    const known = this.#known?.generation;
    const isKnown =
      event.uid === this.#known?.uid && known !== undefined && (event.generation ?? Infinity) <= known;
    if (!isKnown) this.#stale.resolve();
    return undefined;
  }

  async #read() {
    for (;;) {
      try {
        const read = await this.#taskSet.read(this.#signal);
        this.#pauses.noteAdmission();
        return read;
      } catch (error) {
        await this.#pauses.pause(error, this.#signal);
      }
    }
  }
}

function endedAtOnce(): ExecutorError {
  return new ExecutorError("Transient", "the watch ended as soon as it had begun");
}

/** Pauses that double while nothing works, and end in the error where nobody lets us in. */
class WatchPauses {
  readonly #tries: Tries;
  #refusedSince: number | undefined;

  constructor(onRetry: (error: unknown, pauseMs: number) => void) {
    const pauses = doublingPauses(pauseMsMin, pauseMsMax, 0.2);
    const repeats = (error: ExecutorError) => !this.#isRefusedForGood(error);
    this.#tries = new Tries({ pauses, repeats }, { onRetry });
  }

  renew(): void {
    this.#tries.restart();
    this.#refusedSince = undefined;
  }

  /** We are let in; that alone does not mean that a watch will live. */
  noteAdmission(): void {
    this.#refusedSince = undefined;
  }

  /** Whether a watch that began then has lived long enough for the next to begin at once. */
  isRenewedBy(watchStartMs: number): boolean {
    const isLong = performance.now() - watchStartMs >= longWatchMs;
    if (isLong) this.renew();
    return isLong;
  }

  /** Throws the error where waiting is of no use. */
  async pause(error: unknown, signal: AbortSignal): Promise<void> {
    await this.#tries.pause(error, signal);
  }

  #isRefusedForGood(error: ExecutorError): boolean {
    if (!isExecutorError(error, "Unauthorized", "Forbidden", "NotFound", "BadRequest")) return false;
    this.#refusedSince ??= performance.now();
    return performance.now() - this.#refusedSince > refusalMsMax;
  }
}
