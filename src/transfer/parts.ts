import type { Readable } from "node:stream";
import { type Payload, payloadOf } from "../http/index.ts";
import type { FileContent } from "../streams/index.ts";
import type { PartPlan } from "./part-size.ts";
import type { Channel } from "./session.ts";
import type { SlabBuffer } from "./slabs.ts";

/** A part of this size may be buffered under any budget; it is alone in memory then. */
const bufferBytes = 16 * 1024 * 1024;

/** One piece of an object on its way; whoever gets it releases it. */
export interface Part {
  readonly number: number;
  readonly payload: Payload;
  readonly sizeBytes: number;
  readonly isLast: boolean;
  /** Gives the memory back; the payload is gone then. */
  release(): void;
}

/**
 * Cuts the content into parts, in order; at least one, which may be empty. Parts wait in memory until they are stored,
 * so that they can be sent again. Only those that are larger than the budget allows are read from the content once
 * more instead, for their checksum and for each try.
 */
export function partsOf(
  content: FileContent,
  plan: PartPlan,
  channel: Channel,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const { sizeBytes, replayable } = content;
  const isTooLarge =
    Math.min(plan.sizeAt(0, 1), sizeBytes ?? 0) > Math.max(channel.memory.totalBytes, bufferBytes);
  return sizeBytes !== undefined && replayable && isTooLarge
    ? rangedParts(content, sizeBytes, plan)
    : bufferedParts(openSource(content, signal), content.sizeBytes, plan, channel);
}

async function* rangedParts(content: FileContent, totalBytes: number, plan: PartPlan): AsyncGenerator<Part> {
  let offset = 0;
  for (let number = 1; offset < totalBytes; number += 1) {
    const range = { offset, length: Math.min(plan.sizeAt(offset, number), totalBytes - offset) };
    offset += range.length;
    const payload = { sizeBytes: range.length, open: () => content.open(range) };
    yield { number, payload, sizeBytes: range.length, isLast: offset === totalBytes, release() {} };
  }
}

async function* bufferedParts(
  source: PartSource,
  totalBytes: number | undefined,
  plan: PartPlan,
  channel: Channel,
): AsyncGenerator<Part> {
  try {
    let offset = 0;
    for (let number = 1, isLast = false; !isLast; number += 1) {
      const wanted = plan.sizeAt(offset, number);
      const announced = totalBytes === undefined ? wanted : Math.max(0, totalBytes - offset);
      const giveBack = await channel.memory.acquire(Math.min(wanted, announced), source.signal);
      const buffer = channel.slabs.open();
      const release = () => {
        buffer.release();
        giveBack();
      };
      try {
        await source.read(wanted, buffer);
        isLast = await source.hasEnded();
      } catch (error) {
        release();
        throw error;
      }
      offset += buffer.sizeBytes;
      const { sizeBytes } = buffer;
      yield { number, payload: payloadOf(...buffer.views()), sizeBytes, isLast, release };
    }
  } finally {
    source.close();
  }
}

function openSource(content: FileContent, signal: AbortSignal): PartSource {
  return content.readInto && content.sizeBytes !== undefined
    ? new RangeSource(content.readInto, content.sizeBytes, signal)
    : new PartReader(content.open(), signal);
}

/** Where parts come from, one after the other. */
interface PartSource {
  readonly signal: AbortSignal;
  /** Moves up to `sizeBytes` into the empty buffer; less only at the end. */
  read(sizeBytes: number, into: SlabBuffer): Promise<void>;
  hasEnded(): Promise<boolean>;
  close(): void;
}

/** Reads a content of known size range by range. */
class RangeSource implements PartSource {
  readonly signal: AbortSignal;
  readonly #readInto: NonNullable<FileContent["readInto"]>;
  #offset = 0;
  #left: number;

  constructor(readInto: NonNullable<FileContent["readInto"]>, sizeBytes: number, signal: AbortSignal) {
    this.#readInto = readInto;
    this.#left = sizeBytes;
    this.signal = signal;
  }

  async read(sizeBytes: number, into: SlabBuffer): Promise<void> {
    const length = Math.min(sizeBytes, this.#left);
    if (length > 0) await this.#readInto({ offset: this.#offset, length }, into, this.signal);
    this.signal.throwIfAborted();
    this.#offset += into.sizeBytes;
    // A content that has become shorter has ended here; that it is not what was announced is noticed with the sum.
    this.#left = into.sizeBytes < length ? 0 : this.#left - length;
  }

  async hasEnded(): Promise<boolean> {
    return this.#left === 0;
  }

  close(): void {}
}

/** Cuts a stream into pieces of given sizes. */
class PartReader implements PartSource {
  readonly signal: AbortSignal;
  readonly #source: Readable;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #onAbort = () => void this.#source.destroy();
  #rest: Uint8Array | undefined;
  #isDone = false;

  /** The signal destroys the source, so that a read which waits for it ends. */
  constructor(source: Readable, signal: AbortSignal) {
    this.#source = source;
    this.signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  async read(sizeBytes: number, into: SlabBuffer): Promise<void> {
    while (into.sizeBytes < sizeBytes && !(await this.hasEnded())) {
      const chunk = this.#rest ?? new Uint8Array();
      const missing = sizeBytes - into.sizeBytes;
      into.append(chunk.subarray(0, missing));
      this.#rest = chunk.byteLength > missing ? chunk.subarray(missing) : undefined;
    }
  }

  async hasEnded(): Promise<boolean> {
    while (this.#rest === undefined && !this.#isDone) {
      const next = await this.#chunks.next();
      this.signal.throwIfAborted();
      if (next.done === true) this.#isDone = true;
      else if (next.value.byteLength > 0) this.#rest = next.value;
    }
    return this.#rest === undefined;
  }

  close(): void {
    this.signal.removeEventListener("abort", this.#onAbort);
    this.#source.destroy();
  }
}
