import { ExecutorError, errorText, isExecutorError } from "../errors/index.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Channel } from "./session.ts";

/** Deletes single objects in full batches; one by one where the store has no batches, which it is asked once. */
export class ObjectDeleter {
  readonly #store: ObjectStore;
  readonly #channel: Channel;
  #batchesAreSupported = true;

  constructor(store: ObjectStore, channel: Channel) {
    this.#store = store;
    this.#channel = channel;
  }

  /**
   * Deletes these objects, and nothing below their keys; one that is not there is deleted. Resolves to those that are
   * left, with the reason. Throws only when cancelled.
   */
  async delete(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    const failures = new Map<string, Error>();
    const { deleteKeysMax } = this.#store.limits;
    for (let start = 0; start < keys.length; start += deleteKeysMax) {
      await this.#deleteBatch(keys.slice(start, start + deleteKeysMax), failures, signal);
    }
    return failures;
  }

  async #deleteBatch(
    keys: readonly string[],
    failures: Map<string, Error>,
    signal: AbortSignal,
  ): Promise<void> {
    if (keys.length === 1 || !this.#batchesAreSupported) {
      return await this.#deleteSingly(keys, failures, signal);
    }
    let left = keys;
    const attempt = async () => {
      const answer = await this.#store.deleteBatch(left, signal);
      const transient = [...answer].filter(([, error]) => isExecutorError(error, "Transient"));
      for (const [key, error] of answer) if (!isExecutorError(error, "Transient")) failures.set(key, error);
      left = transient.map(([key]) => key);
      const [first] = transient;
      if (first !== undefined) throw first[1];
    };
    try {
      await this.#channel.request(attempt, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isExecutorError(error, "Unsupported")) {
        this.#batchesAreSupported = false;
        return await this.#deleteSingly(keys, failures, signal);
      }
      for (const key of left) failures.set(key, reasonOf(error));
    }
  }

  async #deleteSingly(
    keys: readonly string[],
    failures: Map<string, Error>,
    signal: AbortSignal,
  ): Promise<void> {
    const deleteOne = async (key: string) => {
      try {
        await this.#channel.laneRequest(0, () => this.#store.delete(key, signal), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isExecutorError(error, "NotFound")) failures.set(key, reasonOf(error));
      }
    };
    await Promise.all(keys.map(deleteOne));
  }
}

function reasonOf(error: unknown): Error {
  return error instanceof Error ? error : new ExecutorError("Internal", errorText(error));
}
