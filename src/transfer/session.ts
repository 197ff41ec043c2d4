import { ExecutorError } from "../errors/index.ts";
import { ByteBudget, Lane } from "../limits/index.ts";
import {
  type Backoff,
  exponential,
  type FiniteRetryPolicy,
  longestPauseMs,
  RetryBudget,
  retry,
  withQuickTries,
} from "../retry/index.ts";
import { countInSpan } from "../tracing/index.ts";
import { Progress, type TransferLog } from "./progress.ts";
import { SlabPool } from "./slabs.ts";

/** What a transfer needs to know from outside. */
export interface TransferSettings {
  /** `EXECUTOR_RETRY_BACKOFF_*`: how often and how patiently a request is repeated. */
  readonly retry: Backoff;
  /** Bytes of buffers that all transfers of this process may hold together. */
  readonly memoryBytes: number;
}

/** What all transfers to one store share. */
interface SharedByStore {
  readonly lane: Lane;
  readonly budget: RetryBudget;
}

/** What all transfers of a process share: one memory budget, and one lane and one budget of retries a store. */
export class TransferSession {
  readonly memory: ByteBudget;
  readonly slabs = new SlabPool();
  readonly #policy: FiniteRetryPolicy;
  readonly #stores = new Map<string, SharedByStore>();
  /** How often the log says how far a transfer is; undefined: as Progress does by itself. */
  readonly progressMs: number | undefined;

  constructor(settings: TransferSettings, progressMs?: number) {
    this.progressMs = progressMs;
    this.memory = new ByteBudget(settings.memoryBytes);
    this.#policy = requestPolicy(settings.retry);
  }

  /** The way to one store. */
  channel(storeName: string, log: TransferLog): Channel {
    const shared = this.#stores.get(storeName) ?? {
      lane: new Lane(),
      budget: new RetryBudget(Math.max(1000, 2 * longestPauseMs(this.#policy))),
    };
    this.#stores.set(storeName, shared);
    return new Channel(this, shared, this.#policy, log);
  }
}

/** Runs requests to one store: repeats what is transient, in a lane where many are in flight. */
export class Channel {
  readonly memory: ByteBudget;
  readonly slabs: SlabPool;
  readonly lane: Lane;
  readonly policy: FiniteRetryPolicy;
  readonly #budget: RetryBudget;
  readonly #log: TransferLog;
  readonly #progressMs: number | undefined;

  constructor(session: TransferSession, store: SharedByStore, policy: FiniteRetryPolicy, log: TransferLog) {
    this.memory = session.memory;
    this.slabs = session.slabs;
    this.lane = store.lane;
    this.policy = policy;
    this.#budget = store.budget;
    this.#log = log;
    this.#progressMs = session.progressMs;
  }

  /** Keeps the log up to date on a transfer that may take long, until it is disposed of. */
  progress(message: "Saving artifact" | "Loading artifact", key: string, totalBytes?: number): Progress {
    return new Progress(this.#log, message, { key, totalBytes }, this.#progressMs);
  }

  /** One request, repeated while it fails with Transient. A last failure reads as in Argo (docs/contract/artifacts.md#3.4). */
  async request<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    let tries = 0;
    try {
      return await retry(
        this.policy,
        () => {
          tries += 1;
          return attempt();
        },
        signal,
        {
          budget: this.#budget,
          onRetry: (error, pauseMs) => {
            countInSpan("transfer.retries", 1);
            this.#log.debug({ error: error.message, pauseMs: Math.round(pauseMs) }, "Repeat request");
          },
        },
      );
    } catch (error) {
      if (error instanceof ExecutorError && error.code === "Transient" && tries > 1) {
        throw ExecutorError.exhausted(error);
      }
      throw error;
    }
  }

  /** The same in the store's lane: each try takes a place, the pauses between them do not. */
  laneRequest<T>(sizeBytes: number, attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.request(() => this.lane.run(sizeBytes, attempt, signal), signal);
  }
}

/**
 * Five quick tries for each of the configured ones: about as patient as the reference, which repeats each request
 * inside its client and the whole transfer around it (docs/contract/artifacts.md#3.4).
 */
function requestPolicy(backoff: Backoff): FiniteRetryPolicy {
  return withQuickTries(exponential(backoff), 5, backoff.durationMs / 5);
}
