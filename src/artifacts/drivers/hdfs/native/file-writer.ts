import { isExecutorError } from "../../../../errors/index.ts";
import { BlockWriter } from "./block-writer.ts";
import { type LocatedBlock, readLocatedBlock, withSize } from "./blocks.ts";
import type { DataAccess } from "./data-node.ts";
import type { NameNodes } from "./name-node.ts";
import { Message } from "./wire.ts";

/** A file that the name node has made for us. */
export interface OpenFile {
  readonly path: string;
  readonly id: number;
  readonly clientName: string;
  readonly access: DataAccess;
  readonly blockBytes: number;
}

const packetBytes = 64 * 1024;
/** Data nodes that cannot be reached are told to the name node, so many times. */
const placesMax = 4;
const beatMs = 15_000;

/** Cuts what is written into packets and blocks, and keeps lease and connection alive while the source is slow. */
export class FileWriter implements Disposable {
  readonly #nameNodes: NameNodes;
  readonly #file: OpenFile;
  readonly #during: string;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #pending: Buffer = Buffer.alloc(packetBytes);
  #pendingBytes = 0;
  #block: { readonly located: LocatedBlock; readonly writer: BlockWriter } | undefined;
  /** The block before, as long as it has become. */
  #previous: Buffer | undefined;

  constructor(nameNodes: NameNodes, file: OpenFile, during: string, signal: AbortSignal) {
    this.#nameNodes = nameNodes;
    this.#file = file;
    this.#during = during;
    this.#signal = signal;
    this.#timer = setInterval(() => this.#beat(), beatMs);
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; ) {
      const blockLeft = this.#file.blockBytes - (this.#block?.writer.sizeBytes ?? 0);
      const room = Math.min(packetBytes, blockLeft) - this.#pendingBytes;
      const piece = chunk.subarray(at, at + room);
      this.#pending.set(piece, this.#pendingBytes);
      this.#pendingBytes += piece.byteLength;
      at += piece.byteLength;
      if (piece.byteLength === room) await this.#sendPending();
    }
  }

  /** Sends what is left, and ends the last block. */
  async flush(): Promise<void> {
    if (this.#pendingBytes > 0) await this.#sendPending();
    await this.#finishBlock();
  }

  /** The request that completes the file. */
  ending(): Message {
    const { path, clientName, id } = this.#file;
    const request = new Message().text(1, path).text(2, clientName);
    if (this.#previous !== undefined) request.bytes(3, this.#previous);
    return request.number(4, id);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#block?.writer.close();
  }

  async #sendPending(): Promise<void> {
    this.#block ??= await this.#openBlock();
    const { writer } = this.#block;
    await writer.write(this.#pending.subarray(0, this.#pendingBytes));
    this.#pendingBytes = 0;
    if (writer.sizeBytes === this.#file.blockBytes) await this.#finishBlock();
  }

  async #finishBlock(): Promise<void> {
    if (this.#block === undefined) return;
    const { located, writer } = this.#block;
    await writer.finish();
    this.#previous = withSize(located, writer.sizeBytes);
    this.#block = undefined;
  }

  /** Asks for a block until its data nodes can be reached: the first of those that cannot is left out the next time. */
  async #openBlock() {
    const { path, clientName, id } = this.#file;
    const excluded: Buffer[] = [];
    for (let tries = 1; ; tries += 1) {
      const request = new Message().text(1, path).text(2, clientName);
      if (this.#previous !== undefined) request.bytes(3, this.#previous);
      for (const node of excluded) request.bytes(4, node);
      const answer = await this.#nameNodes.call(
        "addBlock",
        request.number(5, id),
        this.#during,
        this.#signal,
      );
      const located = readLocatedBlock(answer.message(1));
      try {
        const writer = await BlockWriter.open(located, this.#file, this.#during, this.#signal);
        return { located, writer };
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!isExecutorError(error, "Transient") || tries === placesMax) throw error;
        const abandoned = new Message().bytes(1, located.raw).text(2, path).text(3, clientName).number(4, id);
        await this.#nameNodes.call("abandonBlock", abandoned, this.#during, this.#signal);
        excluded.push(...located.nodes.slice(0, 1).map(({ raw }) => raw));
      }
    }
  }

  #beat(): void {
    // Whether it arrives is seen by what comes next.
    this.#block?.writer.beat().catch(() => {});
    const request = new Message().text(1, this.#file.clientName);
    this.#nameNodes.call("renewLease", request, this.#during, this.#signal).catch(() => {});
  }
}
