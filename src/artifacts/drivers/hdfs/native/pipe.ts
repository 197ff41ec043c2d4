import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { ExecutorError } from "../../../../errors/index.ts";
import { translateNetworkError } from "../../../../http/index.ts";
import { Fields } from "./wire.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

const connectTimeoutMs = 20_000;
/** Nobody of HDFS is silent for so long while something is under way: data nodes and writers send heartbeats. */
const silenceMaxMs = 60_000;
/** No message but a packet's data is that large. */
const messageBytesMax = 64 * 1024 * 1024;

/** A connection that is read in pieces whose length is known before. */
export class Pipe {
  readonly #stream: Duplex;
  readonly #during: string;
  #failure: unknown;
  #change = Promise.withResolvers<void>();

  constructor(stream: Duplex, during: string) {
    this.#stream = stream;
    this.#during = during;
    stream.on("error", (error) => {
      this.#failure ??= error;
    });
    // Listeners that stay: who begins to listen while there are bytes is called at once, for the same bytes again.
    for (const event of ["readable", "drain", "end", "close", "error"]) stream.on(event, () => this.#wake());
  }

  get isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.readableEnded;
  }

  /** @throws Transient where the connection ends before, or what it was destroyed with. */
  async read(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes = this.#stream.read(length) as Buffer | null;
      if (bytes?.byteLength === length) return bytes;
      if (bytes !== null || !this.isOpen) throw this.#ended();
      await this.#change.promise;
    }
  }

  /** A message behind its length. */
  async readMessage(): Promise<Fields> {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = (await this.read(1)).readUInt8();
      length += (byte & 0x7f) * 2 ** shift;
      if (length > messageBytesMax || shift > 28) throw this.#senseless();
      if (byte < 0x80) return new Fields(await this.read(length));
    }
  }

  /** Bytes behind a length of four bytes. */
  async readFrame(): Promise<Buffer> {
    const length = (await this.read(4)).readInt32BE();
    if (length < 0 || length > messageBytesMax) throw this.#senseless();
    return await this.read(length);
  }

  /** Resolves when there is room for more. */
  async write(...chunks: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined || this.#stream.destroyed) throw this.#ended();
    this.#stream.write(Buffer.concat(chunks));
    while (this.#stream.writableNeedDrain && !this.#stream.destroyed) await this.#change.promise;
  }

  destroy(error?: Error): void {
    this.#failure ??= error;
    this.#stream.destroy();
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #ended(): Error {
    const error = this.#failure;
    if (error === undefined) return new ExecutorError("Transient", `${this.#during}: unexpected EOF`);
    return error instanceof DOMException ? error : translateNetworkError(error, this.#during);
  }

  #senseless(): ExecutorError {
    return new ExecutorError(
      "Corrupt",
      `${this.#during}: what answers there does not speak Hadoop's protocol`,
    );
  }
}

/** A connection that goes with the signal. @throws what translateNetworkError makes of it */
export async function dial({ host, port }: Address, during: string, signal: AbortSignal) {
  signal.throwIfAborted();
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  const stop = () => socket.destroy(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", stop));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve);
  socket.once("error", reject);
  const timer = setTimeout(() => {
    const text = `dial tcp ${host}:${port}: i/o timeout`;
    socket.destroy(new ExecutorError("Transient", `${during}: ${text}`, { reason: "Unreachable" }));
  }, connectTimeoutMs);
  try {
    await promise;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw translateNetworkError(error, during);
  } finally {
    clearTimeout(timer);
  }
  socket.setTimeout(silenceMaxMs, () =>
    socket.destroy(new ExecutorError("Transient", `${during}: i/o timeout: the server says nothing`)),
  );
  return socket;
}
