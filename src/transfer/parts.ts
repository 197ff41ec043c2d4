import { type Payload, payloadOf } from "../http/index.ts";
import type { FileContent } from "../streams/index.ts";
import { PartReader, type PartSource, RangeSource } from "./part-reader.ts";
import type { PartPlan } from "./part-size.ts";
import type { Channel } from "./session.ts";

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
