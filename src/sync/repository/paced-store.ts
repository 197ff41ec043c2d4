import { setTimeout as pause } from "node:timers/promises";
import { ExecutorError } from "../../errors/index.ts";
import type { Payload } from "../../http/index.ts";
import type { ByteRange, ByteSink } from "../../streams/index.ts";
import type {
  CopyTarget,
  ListPage,
  MultipartCopy,
  MultipartUpload,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoreLimits,
} from "../../transfer/index.ts";

export interface PaceLimits {
  readonly requestsPerSecond: number | undefined;
  /** Bytes that are read; those that are written are the same ones. */
  readonly bytesPerSecond: number | undefined;
}

/** How much of a second may come at once. */
const burstMs = 100;

/** Spreads requests and bytes over time, as the user asked for. */
export class Pace {
  readonly #limits: PaceLimits;
  #requestDueMs = 0;
  #bytesDueMs = 0;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
  }

  get isLimited(): boolean {
    return this.#limits.requestsPerSecond !== undefined || this.#limits.bytesPerSecond !== undefined;
  }

  /** Waits for the turn of one request that moves `bytes`. */
  async turn(bytes: number, signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    const { requestsPerSecond, bytesPerSecond } = this.#limits;
    let dueMs = nowMs;
    if (requestsPerSecond !== undefined) {
      this.#requestDueMs = Math.max(this.#requestDueMs, nowMs - burstMs);
      dueMs = Math.max(dueMs, this.#requestDueMs);
      this.#requestDueMs += 1000 / requestsPerSecond;
    }
    if (bytesPerSecond !== undefined && bytes > 0) {
      this.#bytesDueMs = Math.max(this.#bytesDueMs, nowMs - burstMs);
      dueMs = Math.max(dueMs, this.#bytesDueMs);
      this.#bytesDueMs += (bytes * 1000) / bytesPerSecond;
    }
    if (dueMs > nowMs) await pause(dueMs - nowMs, undefined, { signal });
  }
}

/** The store at the user's pace; the store itself where there is no limit. */
export function paced(store: ObjectStore, pace: Pace): ObjectStore {
  return pace.isLimited ? new PacedStore(store, pace) : store;
}

class PacedStore implements ObjectStore {
  readonly name: string;
  readonly limits: StoreLimits;
  readonly #inner: ObjectStore;
  readonly #pace: Pace;

  constructor(inner: ObjectStore, pace: Pace) {
    this.name = inner.name;
    this.limits = inner.limits;
    this.#inner = inner;
    this.#pace = pace;
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    await this.#pace.turn(0, signal);
    return await this.#inner.head(key, signal);
  }

  async get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes> {
    await this.#pace.turn(range?.length ?? info.sizeBytes, signal);
    return await this.#inner.get(info, range, signal);
  }

  async getInto(
    info: ObjectInfo,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<ReadAnswer> {
    await this.#pace.turn(range.length, signal);
    return await this.#inner.getInto(info, range, sink, signal);
  }

  async crc32(info: ObjectInfo, signal: AbortSignal): Promise<number | undefined> {
    if (this.#inner.crc32 === undefined) return undefined;
    await this.#pace.turn(0, signal);
    return await this.#inner.crc32(info, signal);
  }

  async put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void> {
    await this.#pace.turn(0, signal);
    await this.#inner.put(key, payload, attributes, signal);
  }

  async startUpload(
    key: string,
    attributes: ObjectAttributes,
    signal: AbortSignal,
  ): Promise<MultipartUpload> {
    await this.#pace.turn(0, signal);
    const upload = await this.#inner.startUpload(key, attributes, signal);
    return {
      put: async (number, payload, during) => {
        await this.#pace.turn(0, during);
        await upload.put(number, payload, during);
      },
      ...this.#ends(upload),
    };
  }

  copiesFrom(source: ObjectStore): boolean {
    return this.#inner.copiesFrom?.(innermost(source)) ?? false;
  }

  async copy(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void> {
    await this.#pace.turn(0, signal);
    await this.#inner.copy?.(innermost(source), info, key, signal);
  }

  async startCopy(
    source: ObjectStore,
    info: ObjectInfo,
    target: CopyTarget,
    signal: AbortSignal,
  ): Promise<MultipartCopy> {
    await this.#pace.turn(0, signal);
    const started = await this.#inner.startCopy?.(innermost(source), info, target, signal);
    if (started === undefined) throw new ExecutorError("Unsupported", `${this.name} copies nothing in parts`);
    return {
      copy: async (number, range, during) => {
        await this.#pace.turn(0, during);
        await started.copy(number, range, during);
      },
      ...this.#ends(started),
    };
  }

  /** Giving up waits for nobody's turn. */
  #ends(started: Pick<MultipartUpload, "complete" | "abort">): Pick<MultipartUpload, "complete" | "abort"> {
    return {
      complete: async (signal) => {
        await this.#pace.turn(0, signal);
        await started.complete(signal);
      },
      abort: async (signal) => await started.abort(signal),
    };
  }

  async list(
    prefix: string,
    after: string | undefined,
    pageSize: number,
    signal: AbortSignal,
  ): Promise<ListPage> {
    await this.#pace.turn(0, signal);
    return await this.#inner.list(prefix, after, pageSize, signal);
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    await this.#pace.turn(0, signal);
    await this.#inner.delete(key, signal);
  }

  async deleteBatch(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    await this.#pace.turn(0, signal);
    return await this.#inner.deleteBatch(keys, signal);
  }

  get inner(): ObjectStore {
    return this.#inner;
  }
}

function innermost(store: ObjectStore): ObjectStore {
  return store instanceof PacedStore ? store.inner : store;
}
