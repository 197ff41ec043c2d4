import { ExecutorError, isExecutorError } from "../../../../errors/index.ts";
import type { ByteRange } from "../../../../streams/index.ts";
import {
  type DataNode,
  expectSuccess,
  type LocatedBlock,
  operationHead,
  operationHeader,
  operations,
} from "./blocks.ts";
import { type DataAccess, openDataNode } from "./data-node.ts";
import { readPacket, readSums } from "./packets.ts";
import { delimited, Message } from "./wire.ts";

const checksumsGood = 6;

/** What a reader needs to know besides the block. */
export interface Reading {
  readonly clientName: string;
  readonly access: DataAccess;
  /** Begins the messages of errors. */
  readonly during: string;
  readonly signal: AbortSignal;
}

/**
 * The bytes of a range of a block, checked. Where one data node fails, or has other bytes than were written, the
 * next one goes on from where the reader is.
 */
export async function* readBlock(
  block: LocatedBlock,
  { offset, length }: ByteRange,
  reading: Reading,
): AsyncGenerator<Buffer> {
  let at = offset;
  let failure: unknown;
  for (const node of block.nodes) {
    try {
      for await (const data of readFrom(node, block, { start: at, end: offset + length }, reading)) {
        at += data.byteLength;
        yield data;
      }
      return;
    } catch (error) {
      reading.signal.throwIfAborted();
      if (!isExecutorError(error, "Transient", "Corrupt", "Timeout")) throw error;
      failure = error;
    }
  }
  throw (
    failure ??
    new ExecutorError("Transient", `${reading.during}: no data node has the block at ${block.offset}`)
  );
}

async function* readFrom(
  { address }: DataNode,
  block: LocatedBlock,
  { start, end }: { readonly start: number; readonly end: number },
  { clientName, access, during, signal }: Reading,
): AsyncGenerator<Buffer> {
  const pipe = await openDataNode(address, block.token, access, during, signal);
  try {
    const request = new Message()
      .bytes(1, operationHeader(block, clientName))
      .number(2, start)
      .number(3, end - start)
      .flag(4, true);
    await pipe.write(operationHead(operations.read), delimited(request));
    const answer = await pipe.readMessage();
    expectSuccess(answer, during, address);
    const info = answer.message(4);
    const sums = readSums(info.message(1));
    // The first chunk may begin before what was asked for: only whole chunks have checksums.
    let at = info.number(2);
    if (at < 0 || at > start) throw notTheBlock(during);
    while (at < end) {
      const packet = await readPacket(pipe, sums, during);
      if (packet.offsetInBlock !== at || (packet.isLast && packet.data.byteLength === 0))
        throw notTheBlock(during);
      at += packet.data.byteLength;
      // What it sends begins and ends with a chunk; a packet may hold many.
      if (at >= end + sums.chunkBytes) throw notTheBlock(during);
      const wanted = packet.data.subarray(
        Math.max(0, start - packet.offsetInBlock),
        packet.data.byteLength - Math.max(0, at - end),
      );
      if (wanted.byteLength > 0) yield wanted;
    }
    if (!(await readPacket(pipe, sums, during)).isLast) throw notTheBlock(during);
    await pipe.write(delimited(new Message().number(1, checksumsGood)));
  } finally {
    pipe.destroy();
  }
}

function notTheBlock(during: string): ExecutorError {
  return new ExecutorError("Corrupt", `${during}: the data node sends other bytes than were asked for`);
}
