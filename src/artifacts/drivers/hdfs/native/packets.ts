import { crc32 } from "node:zlib";
import { ExecutorError } from "../../../../errors/index.ts";
import { crc32c } from "../../../crc.ts";
import type { Pipe } from "./pipe.ts";
import { Fields, Message } from "./wire.ts";

/** Pieces of a block as they go over the wire, each with the checksums of its chunks. */
export interface Packet {
  readonly offsetInBlock: number;
  readonly sequence: number;
  /** The end of the block; it has no data. */
  readonly isLast: boolean;
  readonly data: Buffer;
}

/** How the chunks of a block are summed up (ChecksumProto). */
export interface ChunkSums {
  readonly chunkBytes: number;
  /** Undefined where there are no checksums. */
  readonly sum: ((chunk: Uint8Array) => number) | undefined;
}

const sumBytes = 4;
/** What a data node takes or sends at most (PacketReceiver.MAX_PACKET_SIZE). */
const packetBytesMax = 16 * 1024 * 1024;
const castagnoli = 2;
/** What is written: CRC-32C of 512 bytes each, as Hadoop's own client does. */
export const writtenSums: ChunkSums = { chunkBytes: 512, sum: sumCastagnoli };

function sumCastagnoli(chunk: Uint8Array): number {
  const { empty, update } = crc32c();
  return Number(update(empty, chunk));
}

export function encodeSums({ chunkBytes }: ChunkSums): Message {
  return new Message().number(1, castagnoli).number(2, chunkBytes);
}

/** @throws Unsupported for a kind of checksum that nobody has heard of */
export function readSums(fields: Fields): ChunkSums {
  const chunkBytes = fields.number(2);
  const known = [undefined, (chunk: Uint8Array) => crc32(chunk), sumCastagnoli];
  const type = fields.number(1);
  if (!(type in known) || chunkBytes < 1 || chunkBytes > packetBytesMax)
    throw new ExecutorError("Unsupported", `the data node sums up by type ${type}, ${chunkBytes} bytes each`);
  return { chunkBytes, sum: known[type] };
}

export function encodePacket(
  { offsetInBlock, sequence, isLast, data }: Packet,
  sums: ChunkSums,
): readonly Buffer[] {
  const checks = Buffer.alloc(Math.ceil(data.byteLength / sums.chunkBytes) * sumBytes);
  for (const [index, chunk] of chunksOf(data, sums.chunkBytes))
    checks.writeUInt32BE(sums.sum?.(chunk) ?? 0, index * sumBytes);
  const header = new Message()
    .fixed(1, offsetInBlock, 8)
    .fixed(2, sequence, 8)
    .flag(3, isLast)
    .fixed(4, data.byteLength, 4)
    .finish();
  const head = Buffer.alloc(6);
  head.writeInt32BE(sumBytes + checks.byteLength + data.byteLength);
  head.writeInt16BE(header.byteLength, 4);
  return [head, header, checks, data];
}

/** The next packet. @throws Corrupt where it is none, or its data is not what was summed up */
export async function readPacket(pipe: Pipe, sums: ChunkSums, during: string): Promise<Packet> {
  const head = await pipe.read(6);
  const bodyBytes = head.readInt32BE() - sumBytes;
  const headerBytes = head.readInt16BE(4);
  if (bodyBytes < 0 || bodyBytes > packetBytesMax || headerBytes < 0)
    throw new ExecutorError("Corrupt", `${during}: the data node sends a packet of ${bodyBytes} bytes`);
  const header = new Fields(await pipe.read(headerBytes));
  const dataBytes = header.number(4);
  const checksBytes = sums.sum === undefined ? 0 : Math.ceil(dataBytes / sums.chunkBytes) * sumBytes;
  if (dataBytes < 0 || checksBytes + dataBytes !== bodyBytes)
    throw new ExecutorError("Corrupt", `${during}: the data node sends a packet of a wrong length`);
  const checks = await pipe.read(checksBytes);
  const data = await pipe.read(dataBytes);
  for (const [index, chunk] of sums.sum === undefined ? [] : chunksOf(data, sums.chunkBytes)) {
    if (sums.sum?.(chunk) !== checks.readUInt32BE(index * sumBytes))
      throw new ExecutorError("Corrupt", `${during}: a checksum is not that of the data that came`);
  }
  return { offsetInBlock: header.number(1), sequence: header.number(2), isLast: header.flag(3), data };
}

function* chunksOf(data: Buffer, chunkBytes: number): Generator<readonly [number, Buffer]> {
  for (let index = 0; index * chunkBytes < data.byteLength; index += 1)
    yield [index, data.subarray(index * chunkBytes, (index + 1) * chunkBytes)];
}
