import { createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { encodePacket, writtenSums } from "../../src/artifacts/drivers/hdfs/native/packets.ts";
import { Pipe } from "../../src/artifacts/drivers/hdfs/native/pipe.ts";
import { Cursor, delimited, type Fields, Message } from "../../src/artifacts/drivers/hdfs/native/wire.ts";
import { listen } from "./listen.ts";

/** What a name node answers: a message, or an exception. */
export type NameNodeAnswer =
  | Message
  | { readonly exception: string; readonly text?: string; readonly detail?: number };

export interface FakeNameNode {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** The names of the methods that were called. */
  readonly calls: readonly string[];
}

/** A name node that answers as it is told: Hadoop's own cannot be made to lie. */
export async function startNameNode(
  t: TestContext,
  answer: (method: string, request: Fields) => NameNodeAnswer,
): Promise<FakeNameNode> {
  const calls: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    serveCalls(socket, (method, request) => {
      calls.push(method);
      return answer(method, request);
    }).catch(() => socket.destroy());
  });
  const port = await listen(t, server);
  return { address: `127.0.0.1:${port}`, calls };
}

async function serveCalls(
  socket: Socket,
  answer: (method: string, request: Fields) => NameNodeAnswer,
): Promise<void> {
  const pipe = new Pipe(socket, "serve");
  await pipe.read(7);
  for (;;) {
    const cursor = new Cursor(await pipe.readFrame());
    const id = cursor.delimited().signed(3);
    if (id < 0) continue;
    const method = cursor.delimited().text(1);
    const said = answer(method, cursor.delimited());
    const header = new Message().number(1, id);
    if (said instanceof Message) header.number(2, 0);
    else
      header
        .number(2, said.detail === undefined ? 1 : 2)
        .text(4, said.exception)
        .text(5, said.text ?? "");
    if (!(said instanceof Message) && said.detail !== undefined) header.number(6, said.detail);
    const frame = Buffer.concat([delimited(header), ...(said instanceof Message ? [delimited(said)] : [])]);
    const length = Buffer.alloc(4);
    length.writeInt32BE(frame.byteLength);
    await pipe.write(length, frame);
  }
}

/** What goes wrong at a data node with what it sends. */
export type DataNodeFault = "none" | "corrupt" | "truncate" | "refuse" | "shifted";

/** A data node that has one block, and sends it as well as it is told. Resolves to its port. */
export async function startDataNode(t: TestContext, block: Buffer, fault: DataNodeFault): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    sendBlock(socket, block, fault).catch(() => socket.destroy());
  });
  return await listen(t, server);
}

async function sendBlock(socket: Socket, block: Buffer, fault: DataNodeFault): Promise<void> {
  const pipe = new Pipe(socket, "serve");
  await pipe.read(3);
  const asked = await pipe.readMessage();
  const start = asked.number(2);
  if (fault === "refuse") {
    await pipe.write(delimited(new Message().number(1, 1).text(5, "no such block")));
    return;
  }
  const chunkStart = start - (start % writtenSums.chunkBytes);
  const checksum = new Message().number(1, 2).number(2, writtenSums.chunkBytes);
  const info = new Message().bytes(1, checksum).number(2, chunkStart);
  await pipe.write(delimited(new Message().number(1, 0).bytes(4, info)));
  let sequence = 0;
  // Whole chunks, as checksums are of them.
  const end = Math.ceil((start + asked.number(3)) / writtenSums.chunkBytes) * writtenSums.chunkBytes;
  const sent = block.subarray(0, end);
  for (let at = chunkStart; at < sent.byteLength; at += 4096) {
    const data = sent.subarray(at, at + 4096);
    const offsetInBlock = at + (fault === "shifted" ? 512 : 0);
    const parts = encodePacket({ offsetInBlock, sequence, isLast: false, data }, writtenSums);
    const packet = Buffer.concat(parts);
    if (fault === "corrupt" && at >= 8192) packet[packet.byteLength - 1] = (packet.at(-1) ?? 0) ^ 1;
    if (fault === "truncate" && at >= 8192) {
      socket.end(packet.subarray(0, 100));
      return;
    }
    await pipe.write(packet);
    sequence += 1;
  }
  const last = { offsetInBlock: sent.byteLength, sequence, isLast: true, data: Buffer.alloc(0) };
  await pipe.write(...encodePacket(last, writtenSums));
}
