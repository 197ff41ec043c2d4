import type { Readable } from "node:stream";
import { isExecutorError } from "../../../errors/index.ts";
import type { CallOptions, GrpcChannel } from "../../../grpc/index.ts";
import { byteStream } from "../../../streams/index.ts";
import type { Artifact } from "../../../template/index.ts";
import { span, traceHeaders } from "../../../tracing/index.ts";
import type { PluginConnection } from "./connection.ts";
import { callError, type PluginTask, refusal } from "./errors.ts";
import {
  artifactRequest,
  chunkRequest,
  loadRequest,
  readCapabilities,
  readDirectoryTest,
  readListing,
  readOutcome,
  readPiece,
  saveRequest,
} from "./messages.ts";

const service = "/artifact.ArtifactService";
/** A listing has the names of all objects in one message. */
const listingBytesMax = 64 * 1024 * 1024;
/** As the protocol has it (docs/contract/roles.md#5.7). */
const chunkBytes = 2 * 1024 * 1024;
/** The question what a plugin can do is answered from memory. */
const capabilitiesTimeoutMs = 30_000;
/** A stream that says nothing again and again is no content. */
const emptyPiecesMax = 1000;

/**
 * The calls of an artifact plugin. Load and Save take as long as they take, as in the reference; the connection tells
 * a plugin that is gone, or stopped, from one that works.
 */
export class PluginClient {
  readonly #connection: PluginConnection;

  constructor(connection: PluginConnection) {
    this.#connection = connection;
  }

  get name(): string {
    return this.#connection.name;
  }

  /** The plugin writes the file or directory at `path`, which it sees as we do. */
  async load(artifact: Artifact, path: string, signal: AbortSignal): Promise<void> {
    await this.#command("load", "Load", loadRequest(artifact, path), signal);
  }

  async save(artifact: Artifact, path: string, signal: AbortSignal): Promise<void> {
    await this.#command("save", "Save", saveRequest(artifact, path), signal);
  }

  async delete(artifact: Artifact, signal: AbortSignal): Promise<void> {
    await this.#command("delete", "Delete", artifactRequest(artifact), signal);
  }

  async list(artifact: Artifact, signal: AbortSignal): Promise<readonly string[]> {
    const options = { messageBytesMax: listingBytesMax };
    const { objects, error } = await this.#ask("list objects", signal, async (channel) =>
      readListing(await channel.unary(`${service}/ListObjects`, artifactRequest(artifact), options, signal)),
    );
    if (error !== "") throw refusal(this.name, "list objects", error);
    return objects;
  }

  async isDirectory(artifact: Artifact, signal: AbortSignal): Promise<boolean> {
    const { isDirectory, error } = await this.#ask("is directory check", signal, async (channel) =>
      readDirectoryTest(
        await channel.unary(`${service}/IsDirectory`, artifactRequest(artifact), traced(), signal),
      ),
    );
    if (error !== "") throw refusal(this.name, "is directory check", error);
    return isDirectory;
  }

  /** Whether `saveStream` may be used: plugins older than 4.1 do not know the question. */
  async savesStreams(signal: AbortSignal): Promise<boolean> {
    this.#connection.savesStreams ??= await this.#ask("save", signal, async (channel) => {
      try {
        const options = { timeoutMs: capabilitiesTimeoutMs };
        const answer = await channel.unary(`${service}/GetCapabilities`, Buffer.alloc(0), options, signal);
        return readCapabilities(answer).savesStreams;
      } catch (error) {
        if (isExecutorError(error, "Unsupported")) return false;
        throw error;
      }
    });
    return this.#connection.savesStreams;
  }

  /** Sends the content itself; nothing is on disk in between. */
  async saveStream(artifact: Artifact, content: Readable, signal: AbortSignal): Promise<void> {
    try {
      const { isSuccess, error } = await this.#ask("save", signal, async (channel) =>
        readOutcome(
          await channel.clientStream(`${service}/SaveStream`, chunksOf(artifact, content), traced(), signal),
        ),
      );
      if (!isSuccess) throw refusal(this.name, "save", error);
    } finally {
      // A source that says nothing would be waited for beyond the call's end.
      content.destroy();
    }
  }

  openStream(artifact: Artifact, signal: AbortSignal): Readable {
    return byteStream(this.#pieces(artifact, signal));
  }

  async *#pieces(artifact: Artifact, signal: AbortSignal): AsyncGenerator<Buffer> {
    let emptyPieces = 0;
    for await (const piece of this.#messages(artifact, signal)) {
      if (piece.error !== "") throw refusal(this.name, "open stream", piece.error);
      emptyPieces = piece.data.length === 0 ? emptyPieces + 1 : 0;
      if (emptyPieces > emptyPiecesMax) {
        throw refusal(this.name, "stream receive", `${emptyPieces} messages without data`);
      }
      if (piece.data.length > 0) yield piece.data;
      if (piece.isEnd) return;
    }
  }

  /** What the plugin sends; what goes wrong on the way is translated, what it says of itself is not looked at. */
  async *#messages(artifact: Artifact, signal: AbortSignal): AsyncGenerator<ReturnType<typeof readPiece>> {
    const channel = await this.#connection.channel(signal);
    let task: PluginTask = "open stream";
    const request = artifactRequest(artifact);
    try {
      for await (const message of channel.call(`${service}/OpenStream`, request, traced(), signal)) {
        task = "stream receive";
        yield readPiece(message);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw callError(this.name, task, error);
    }
  }

  async #command(task: PluginTask, method: string, request: Buffer, signal: AbortSignal): Promise<void> {
    const { isSuccess, error } = await this.#ask(task, signal, async (channel) =>
      readOutcome(await channel.unary(`${service}/${method}`, request, traced(), signal)),
    );
    if (!isSuccess) throw refusal(this.name, task, error);
  }

  async #ask<T>(
    task: PluginTask,
    signal: AbortSignal,
    call: (channel: GrpcChannel) => Promise<T>,
  ): Promise<T> {
    const channel = await this.#connection.channel(signal);
    const attributes = {
      "rpc.system": "grpc",
      "rpc.service": "artifact.ArtifactService",
      "plugin.name": this.name,
    };
    try {
      return await span(`plugin ${task}`, attributes, () => call(channel), { isClient: true });
    } catch (error) {
      signal.throwIfAborted();
      throw callError(this.name, task, error);
    }
  }
}

/** A plugin that traces its own work continues our trace (docs/contract/artifacts.md#5.10). */
function traced(): CallOptions {
  return { metadata: traceHeaders() };
}

/** First what it is, then its bytes, in pieces that every server of gRPC takes. */
async function* chunksOf(artifact: Artifact, content: Readable): AsyncGenerator<Buffer> {
  yield artifactRequest(artifact);
  for await (const bytes of content as AsyncIterable<Buffer>) {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      yield chunkRequest(bytes.subarray(at, at + chunkBytes));
    }
  }
}
