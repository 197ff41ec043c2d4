import type { Readable } from "node:stream";
import { ExecutorError } from "../errors/index.ts";
import { type ByteRange, byteStream } from "../streams/index.ts";
import { noteTransfer } from "../tracing/index.ts";
import type { ObjectInfo, ObjectStore } from "./object-store.ts";
import { rangeChunks, rangeInto, type Source } from "./range-reads.ts";
import type { Channel } from "./session.ts";
import type { SlabBuffer } from "./slabs.ts";
import { Verification } from "./verification.ts";

/** Bytes of one range: large enough that a request's latency does not show, small enough for a tight budget. */
const rangeBytes = 4 * 1024 * 1024;
/** Bytes handed on at once from a range that was fetched ahead. */
const chunkBytes = 64 * 1024;
/** Ranges of one object in flight, the one being read included. */
const rangesMax = 4;

/**
 * The bytes of a stored object, in order. The range at the front goes straight to the reader; the ranges behind it are
 * fetched ahead into memory, as far as the budget has room. The front takes nothing from the budget and no place in
 * the lane, so that a reader who pauses can never hold up another transfer.
 */
export function openDownload(
  store: ObjectStore,
  info: ObjectInfo,
  channel: Channel,
  signal: AbortSignal,
): Readable {
  return byteStream(downloadChunks(store, info, channel, signal));
}

/** The bytes as they come; throws Corrupt at the end where length or digest differ from what the store knows. */
export async function* downloadChunks(
  store: ObjectStore,
  info: ObjectInfo,
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const verification = new Verification(store, info, channel, signal);
  const source: Source = { store, info, channel, verification };
  let sizeBytes = 0;
  using progress = channel.progress("Loading artifact", info.key, info.sizeBytes);
  for await (const chunk of orderedChunks(source, signal)) {
    sizeBytes += chunk.byteLength;
    verification.update(chunk);
    progress.noteBytes(chunk.byteLength);
    yield chunk;
  }
  if (sizeBytes !== info.sizeBytes) {
    const text = `${info.key}: ${sizeBytes} bytes arrived, ${info.sizeBytes} are stored`;
    throw new ExecutorError("Corrupt", text);
  }
  await verification.verify();
  noteTransfer(sizeBytes);
}

async function* orderedChunks(source: Source, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { info, channel } = source;
  if (info.sizeBytes <= rangeBytes) {
    yield* rangeChunks(source, { offset: 0, length: info.sizeBytes }, signal);
    return;
  }
  const leaving = new AbortController();
  const either = AbortSignal.any([signal, leaving.signal]);
  const ahead: RangeAhead[] = [];
  let offset = 0;
  const fetchAhead = () => {
    while (ahead.length < rangesMax - 1 && offset < info.sizeBytes) {
      const range = { offset, length: Math.min(rangeBytes, info.sizeBytes - offset) };
      const release = channel.memory.tryAcquire(range.length);
      if (release === undefined) return;
      ahead.push(new RangeAhead(source, range, release, either));
      offset += range.length;
    }
  };
  try {
    while (ahead.length > 0 || offset < info.sizeBytes) {
      const front = ahead.shift();
      if (front !== undefined) {
        fetchAhead();
        yield* front.chunks();
        continue;
      }
      const range = { offset, length: Math.min(rangeBytes, info.sizeBytes - offset) };
      offset += range.length;
      fetchAhead();
      yield* rangeChunks(source, range, either);
    }
  } finally {
    leaving.abort(new ExecutorError("Cancelled", "the reader has left"));
    for (const range of ahead) range.drop();
  }
}

/** One range, fetched in the background; its bytes wait in memory until it is at the front. */
class RangeAhead {
  readonly #buffer: SlabBuffer;
  readonly #giveBack: () => void;
  readonly #fetching: Promise<void>;
  #failure: unknown;
  #isDone = false;
  #isDropped = false;
  #wake: () => void = () => {};

  constructor(source: Source, range: ByteRange, giveBack: () => void, signal: AbortSignal) {
    this.#giveBack = giveBack;
    this.#buffer = source.channel.slabs.open();
    this.#fetching = this.#fetch(source, range, signal);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let offset = 0; ; ) {
        if (offset < this.#buffer.sizeBytes) {
          // A copy, because the reader may keep it while the block is used again.
          const chunk = this.#buffer.copy(offset, chunkBytes);
          offset += chunk.byteLength;
          yield chunk;
          continue;
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#isDone) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.drop();
    }
  }

  /** Gives the memory back, as soon as nothing writes to it any more. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    void this.#fetching.then(() => {
      this.#buffer.release();
      this.#giveBack();
    });
  }

  async #fetch(source: Source, range: ByteRange, signal: AbortSignal): Promise<void> {
    try {
      const sink = {
        space: () => this.#buffer.space(),
        filled: (bytes: number) => {
          this.#buffer.filled(bytes);
          this.#wake();
        },
      };
      await source.channel.lane.run(range.length, () => rangeInto(source, range, sink, signal), signal);
    } catch (error) {
      this.#failure = error;
    }
    this.#isDone = true;
    this.#wake();
  }
}
