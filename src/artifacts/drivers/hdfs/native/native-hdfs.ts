import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ExecutorError, isExecutorError } from "../../../../errors/index.ts";
import { isPayloadStream, type Payload } from "../../../../http/index.ts";
import type { RetryPolicy } from "../../../../retry/index.ts";
import type { ByteRange } from "../../../../streams/index.ts";
import type { Candidate } from "../either-hdfs.ts";
import { expectNext, type FileStatus, isDone, notForward } from "../files.ts";
import { readBlock } from "./block-reader.ts";
import { readLocatedBlock } from "./blocks.ts";
import type { DataAccess } from "./data-node.ts";
import { FileWriter } from "./file-writer.ts";
import type { NameNodes } from "./name-node.ts";
import { untilAborted } from "./until-aborted.ts";
import { type Fields, Message } from "./wire.ts";

const types = { directory: 1, file: 2 } as const;
/** CREATE, OVERWRITE and SHOULD_REPLICATE: blocks of erasure coding are another matter (CreateFlag). */
const createFlags = 0x01 | 0x02 | 0x80;

/** HDFS by the protocols of its own clients: Hadoop's RPC to the name node, data transfer with the data nodes. */
export class NativeHdfs implements Candidate {
  readonly policy: RetryPolicy;
  readonly #nameNodes: NameNodes;
  readonly #access: DataAccess;
  /** Whose leases are on files that are written. */
  readonly #clientName = `DFSClient_outrider_${randomBytes(8).toString("hex")}`;

  constructor(nameNodes: NameNodes, access: DataAccess, policy: RetryPolicy) {
    this.#nameNodes = nameNodes;
    this.#access = access;
    this.policy = policy;
  }

  get name(): string {
    return `RPC at ${this.#nameNodes.names}`;
  }

  async probe(signal: AbortSignal): Promise<void> {
    await this.#nameNodes.ask("getServerDefaults", new Message(), "look for HDFS", signal);
  }

  async status(path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
    const during = `stat ${path}`;
    const answer = await this.#call("getFileInfo", new Message().text(1, path), during, signal);
    return answer.has(1) ? readStatus(answer.message(1), during) : undefined;
  }

  async *entries(path: string, signal: AbortSignal): AsyncGenerator<readonly [string, FileStatus]> {
    const during = `list ${path}`;
    for (let startAfter = ""; ; ) {
      const request = new Message().text(1, path).text(2, startAfter).flag(3, false);
      const answer = await this.#call("getListing", request, during, signal);
      if (!answer.has(1)) throw new ExecutorError("NotFound", `${during}: file does not exist`);
      const listing = answer.message(1);
      const entries = listing.messages(1);
      for (const entry of entries) {
        const name = entry.text(2);
        expectNext(name, startAfter, during);
        startAfter = name;
        yield [name, readStatus(entry, during)];
      }
      if (listing.number(2) === 0) return;
      if (entries.length === 0) throw notForward(during);
    }
  }

  async makeFolder(path: string, signal: AbortSignal): Promise<boolean> {
    const request = new Message().text(1, path).bytes(2, new Message().number(1, 0o777)).flag(3, true);
    try {
      return (await this.#call("mkdirs", request, `mkdirs ${path}`, signal)).flag(1);
    } catch (error) {
      // A file stands there, or further up.
      if (isExecutorError(error, "Conflict", "BadRequest")) return false;
      throw error;
    }
  }

  async rename(from: string, to: string, signal: AbortSignal): Promise<boolean> {
    const request = new Message().text(1, from).text(2, to);
    return (await this.#call("rename", request, `rename ${from}`, signal)).flag(1);
  }

  async replace(from: string, to: string, signal: AbortSignal): Promise<boolean> {
    const request = new Message().text(1, from).text(2, to).flag(3, true);
    return await isDone(async () => {
      await this.#call("rename2", request, `rename ${from}`, signal);
      return true;
    });
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#call("delete", new Message().text(1, path).flag(2, true), `delete ${path}`, signal);
  }

  async removeAlone(path: string, signal: AbortSignal): Promise<boolean> {
    const request = new Message().text(1, path).flag(2, false);
    return await isDone(async () => {
      await this.#call("delete", request, `delete ${path}`, signal);
      return true;
    });
  }

  /** The time of the last access stays: a cluster may keep none. */
  async setModified(path: string, modifiedMs: number, signal: AbortSignal): Promise<void> {
    const request = new Message().text(1, path).number(2, modifiedMs).number(3, -1);
    await this.#call("setTimes", request, `set the time of ${path}`, signal);
  }

  async *read(
    path: string,
    { offset, length }: ByteRange,
    { sizeBytes }: FileStatus,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const during = `open ${path}`;
    let at = offset;
    const end = offset + length;
    while (at < end) {
      const request = new Message()
        .text(1, path)
        .number(2, at)
        .number(3, end - at);
      const located = (await this.#call("getBlockLocations", request, during, signal)).message(1);
      if (located.has(6) || located.has(7)) throw unsupported(during, located.has(6) ? "encrypted" : "coded");
      if (located.number(1) !== sizeBytes)
        throw new ExecutorError("Conflict", `${during}: the file was replaced while it was read`);
      const before = at;
      for (const block of located.messages(2).map(readLocatedBlock)) {
        const start = at - block.offset;
        if (start < 0 || start >= block.sizeBytes)
          throw new ExecutorError(
            "Corrupt",
            `${during}: the name node names another block than the next one`,
          );
        const wanted = { offset: start, length: Math.min(block.sizeBytes, end - block.offset) - start };
        yield* readBlock(block, wanted, {
          clientName: this.#clientName,
          access: this.#access,
          during,
          signal,
        });
        at += wanted.length;
        if (at === end) break;
      }
      if (at === before)
        throw new ExecutorError(
          "Transient",
          `${during}: the name node names no block at ${at} of ${sizeBytes}`,
        );
    }
  }

  async write(path: string, payload: Payload, signal: AbortSignal): Promise<void> {
    const during = `create ${path}`;
    const { blockBytes, replication } = await this.#defaults(signal);
    const request = new Message()
      .text(1, path)
      .bytes(2, new Message().number(1, 0o644))
      .text(3, this.#clientName)
      .number(4, createFlags)
      .flag(5, true)
      .number(6, replication)
      .number(7, blockBytes);
    const made = (await this.#call("create", request, during, signal)).message(1);
    if (made.has(15)) throw unsupported(during, "encrypted");
    const file = {
      path,
      id: made.number(13),
      clientName: this.#clientName,
      access: this.#access,
      blockBytes,
    };
    const writer = new FileWriter(this.#nameNodes, file, during, signal);
    const source = isPayloadStream(payload) ? payload.open() : payload.chunks;
    try {
      for await (const chunk of untilAborted(source, signal)) await writer.write(chunk);
      await writer.flush();
      await this.#complete(writer.ending(), during, signal);
    } finally {
      writer[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#nameNodes.close();
  }

  /** The name node waits until one data node has told it of the last block. */
  async #complete(request: Message, during: string, signal: AbortSignal): Promise<void> {
    for (let pauseMs = 100; pauseMs < 30_000; pauseMs *= 2) {
      if ((await this.#call("complete", request, during, signal)).flag(1)) return;
      // It tells by being asked, and by nothing else.
      await pause(pauseMs, undefined, { signal });
    }
    throw new ExecutorError("Transient", `${during}: the last block is not stored yet`);
  }

  async #defaults(signal: AbortSignal) {
    const answer = await this.#call(
      "getServerDefaults",
      new Message(),
      "ask for the server's defaults",
      signal,
    );
    const defaults = answer.message(1);
    if (defaults.flag(6)) throw unsupported("create", "transferred with encryption");
    const [blockBytes, replication] = [defaults.number(1), defaults.number(4)];
    if (blockBytes < 512 || blockBytes % 512 !== 0 || replication < 1)
      throw new ExecutorError("Corrupt", "the name node's defaults make no sense");
    return { blockBytes, replication };
  }

  async #call(method: string, request: Message, during: string, signal: AbortSignal): Promise<Fields> {
    return await this.#nameNodes.call(method, request, during, signal);
  }
}

function readStatus(entry: Fields, during: string): FileStatus {
  const type = entry.number(1);
  const sizeBytes = entry.number(3);
  if (type !== types.directory && type !== types.file) {
    const text = `${during}: there is a symbolic link, which is not followed`;
    throw new ExecutorError("Unsupported", text);
  }
  if (sizeBytes < 0)
    throw new ExecutorError("Corrupt", `${during}: the name node names a length of ${sizeBytes}`);
  return { isDirectory: type === types.directory, sizeBytes, modifiedMs: entry.number(7) };
}

function unsupported(during: string, how: string): ExecutorError {
  const text = `${during}: the file is ${how}, which only the servers themselves undo; name WebHDFS in hdfs.addresses (http://HOST:9870), which does`;
  return new ExecutorError("Unsupported", text);
}
