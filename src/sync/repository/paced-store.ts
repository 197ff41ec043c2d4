import { setTimeout as pause } from "node:timers/promises";
import { ExecutorError } from "../../errors/index.ts";
import type { Payload } from "../../http/index.ts";
import type { ByteRange, ByteSink } from "../../streams/index.ts";
import type {
  CopiedPart,
  ListPage,
  MultipartUpload,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoreLimits,
  UploadedPart,
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
    return await this.#inner.startUpload(key, attributes, signal);
  }

  async putPart(
    key: string,
    upload: MultipartUpload,
    number: number,
    payload: Payload,
    signal: AbortSignal,
  ): Promise<UploadedPart> {
    await this.#pace.turn(0, signal);
    return await this.#inner.putPart(key, upload, number, payload, signal);
  }

  async completeUpload(
    key: string,
    upload: MultipartUpload,
    parts: readonly UploadedPart[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#pace.turn(0, signal);
    await this.#inner.completeUpload(key, upload, parts, signal);
  }

  async abortUpload(key: string, upload: MultipartUpload, signal: AbortSignal): Promise<void> {
    await this.#inner.abortUpload(key, upload, signal);
  }

  copiesFrom(source: ObjectStore): boolean {
    return this.#inner.copiesFrom?.(innermost(source)) ?? false;
  }

  async copy(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void> {
    await this.#pace.turn(0, signal);
    await this.#inner.copy?.(innermost(source), info, key, signal);
  }

  async startCopy(key: string, attributes: ObjectAttributes, signal: AbortSignal): Promise<MultipartUpload> {
    await this.#pace.turn(0, signal);
    return (await this.#inner.startCopy?.(key, attributes, signal)) ?? noParts(this.name);
  }

  async copyPart(
    source: ObjectStore,
    info: ObjectInfo,
    part: CopiedPart,
    signal: AbortSignal,
  ): Promise<UploadedPart> {
    await this.#pace.turn(0, signal);
    return (await this.#inner.copyPart?.(innermost(source), info, part, signal)) ?? noParts(this.name);
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

function noParts(name: string): never {
  throw new ExecutorError("Unsupported", `${name} copies nothing in parts`);
}
