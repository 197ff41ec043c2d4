import { ExecutorError } from "../../../../errors/index.ts";
import { expectSuccess, type LocatedBlock, operationHead, operationHeader, operations } from "./blocks.ts";
import { type DataAccess, openDataNode } from "./data-node.ts";
import { encodePacket, encodeSums, type Packet, writtenSums } from "./packets.ts";
import type { Pipe } from "./pipe.ts";
import { delimited, Message } from "./wire.ts";

/** PIPELINE_SETUP_CREATE. */
const create = 6;
const heartbeatSequence = -1;
/** Packets that are not acknowledged yet; what is sent is in the sockets of the data nodes. */
const inFlightMax = 80;

/** The way of one block through its data nodes, each of which passes it on to the next and says when all have it. */
export class BlockWriter {
  readonly #pipe: Pipe;
  readonly #during: string;
  #sequence = 0;
  #acknowledged = 0;
  #sentBytes = 0;
  #failure: unknown;
  #progress = Promise.withResolvers<void>();

  private constructor(pipe: Pipe, during: string) {
    this.#pipe = pipe;
    this.#during = during;
  }

  /** @throws Transient where one of the data nodes cannot be reached, or refuses */
  static async open(
    block: LocatedBlock,
    { clientName, access }: { readonly clientName: string; readonly access: DataAccess },
    during: string,
    signal: AbortSignal,
  ): Promise<BlockWriter> {
    const [first, ...others] = block.nodes;
    if (first === undefined) throw new ExecutorError("Transient", `${during}: no data node takes the block`);
    const pipe = await openDataNode(first.address, block.token, access, during, signal);
    try {
      const request = new Message().bytes(1, operationHeader(block, clientName));
      for (const { raw } of others) request.bytes(2, raw);
      request
        .number(4, create)
        .number(5, block.nodes.length)
        .number(6, 0)
        .number(7, 0)
        .number(8, 0)
        .bytes(9, encodeSums(writtenSums));
      const [type, ...types] = block.storageTypes;
      if (type !== undefined) request.number(11, type);
      for (const each of types) request.number(12, each);
      const [id, ...ids] = block.storageIds;
      if (id !== undefined) request.text(16, id);
      for (const each of ids) request.text(17, each);
      await pipe.write(operationHead(operations.write), delimited(request));
      expectSuccess(await pipe.readMessage(), during, first.address);
    } catch (error) {
      pipe.destroy();
      throw error;
    }
    const writer = new BlockWriter(pipe, during);
    void writer.#listen();
    return writer;
  }

  get sizeBytes(): number {
    return this.#sentBytes;
  }

  /** Sends whole chunks, or the last ones of the block. Resolves when there is room for more. */
  async write(data: Buffer): Promise<void> {
    await this.#send({ offsetInBlock: this.#sentBytes, sequence: this.#sequence, isLast: false, data });
    this.#sentBytes += data.byteLength;
  }

  /** The nodes give up on who says nothing for a minute. */
  async beat(): Promise<void> {
    const data = Buffer.alloc(0);
    const packet = { offsetInBlock: 0, sequence: heartbeatSequence, isLast: false, data };
    if (this.#failure === undefined) await this.#pipe.write(...encodePacket(packet, writtenSums));
  }

  /** Ends the block; resolves when all nodes have it. */
  async finish(): Promise<void> {
    const data = Buffer.alloc(0);
    await this.#send({ offsetInBlock: this.#sentBytes, sequence: this.#sequence, isLast: true, data });
    await this.#until(this.#sequence);
    this.close();
  }

  close(): void {
    this.#failure ??= new ExecutorError("Cancelled", `${this.#during}: closed`);
    this.#pipe.destroy();
  }

  async #send(packet: Packet): Promise<void> {
    await this.#until(this.#sequence - inFlightMax);
    this.#sequence += 1;
    await this.#pipe.write(...encodePacket(packet, writtenSums));
  }

  /** Waits until so many packets are acknowledged. */
  async #until(count: number): Promise<void> {
    while (this.#acknowledged < count && this.#failure === undefined) await this.#progress.promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const answer = await this.#pipe.readMessage();
        const sequence = answer.signed(1);
        const bad = answer.numbers(2).findIndex((status) => status !== 0);
        if (bad >= 0) {
          const status = answer.numbers(2)[bad];
          const text = `${this.#during}: data node ${bad + 1} of the block does not take it (status ${status})`;
          throw new ExecutorError("Transient", text);
        }
        if (sequence === heartbeatSequence) continue;
        if (sequence !== this.#acknowledged || sequence >= this.#sequence)
          throw new ExecutorError("Corrupt", `${this.#during}: the data node acknowledges what was not sent`);
        this.#acknowledged += 1;
        this.#wake();
      }
    } catch (error) {
      this.#failure ??= error;
      this.#pipe.destroy();
      this.#wake();
    }
  }

  #wake(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }
}
