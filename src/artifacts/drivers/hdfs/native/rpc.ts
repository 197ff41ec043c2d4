import { randomBytes } from "node:crypto";
import { ExecutorError, isExecutorError } from "../../../../errors/index.ts";
import { javaError } from "../errors.ts";
import { type Address, dial, Pipe } from "./pipe.ts";
import { Cursor, delimited, Message } from "./wire.ts";

const protocolName = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
/** Call ids that mean something (RpcConstants). */
const contextCall = -3;
const none = 0;
/** RpcErrorCodeProto's FATAL_UNAUTHORIZED. */
const unauthorized = 15;
const kerberosRemedy =
  "a cluster that believes nobody wants krbKeytabSecret or krbCCacheSecret (docs/artifacts/hdfs.md)";
/** A name node that is asked answers, or says why not; a full log of edits takes a while. */
const answerMaxMs = 60_000;

interface Call {
  readonly during: string;
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: unknown) => void;
}

/** A connection to a name node (Hadoop's IPC, version 9): calls in any number, whose answers come in any order. */
export class RpcConnection {
  readonly #pipe: Pipe;
  readonly #clientId = randomBytes(16);
  readonly #calls = new Map<number, Call>();
  #lastCall = -1;
  #hasAnswered = false;
  #failure: unknown;

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
  }

  /** Says who we are, which is believed. */
  static async open(address: Address, user: string, signal: AbortSignal): Promise<RpcConnection> {
    const during = `dial ${address.host}:${address.port}`;
    const pipe = new Pipe(await dial(address, during, signal), during);
    const connection = new RpcConnection(pipe);
    try {
      await pipe.write(Buffer.from("hrpc"), Buffer.from([9, 0, none]));
      const context = new Message().bytes(2, new Message().text(1, user)).text(3, protocolName);
      await pipe.write(connection.#frame(contextCall, delimited(context)));
    } catch (error) {
      throw isExecutorError(error, "Transient") ? noRpc(error) : error;
    }
    void connection.#listen();
    return connection;
  }

  get isOpen(): boolean {
    return this.#failure === undefined && this.#pipe.isOpen;
  }

  /** Resolves with the answer's message. @throws what javaError makes of the exception */
  async call(method: string, request: Message, during: string, signal: AbortSignal): Promise<Buffer> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#lastCall += 1;
    const id = this.#lastCall;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#calls.set(id, { during, resolve, reject });
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(() => {
      reject(new ExecutorError("Transient", `${during}: i/o timeout: the name node does not answer`));
      this.close();
    }, answerMaxMs);
    try {
      const header = new Message().text(1, method).text(2, protocolName).number(3, 1);
      await this.#pipe.write(this.#frame(id, delimited(header), delimited(request)));
      return await promise;
    } finally {
      promise.catch(() => {});
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      this.#calls.delete(id);
    }
  }

  close(): void {
    this.#pipe.destroy();
  }

  #frame(id: number, ...messages: readonly Buffer[]): Buffer {
    const header = new Message()
      .number(1, 2)
      .number(2, 0)
      .signed(3, id)
      .bytes(4, this.#clientId)
      .signed(5, -1);
    const content = Buffer.concat([delimited(header), ...messages]);
    const length = Buffer.alloc(4);
    length.writeInt32BE(content.byteLength);
    return Buffer.concat([length, content]);
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        this.#take(await this.#pipe.readFrame());
        this.#hasAnswered = true;
      }
    } catch (cause) {
      const error =
        this.#hasAnswered || !isExecutorError(cause, "Transient", "Corrupt") ? cause : noRpc(cause);
      this.#failure = error;
      this.#pipe.destroy();
      for (const { during, reject } of this.#calls.values()) {
        reject(error instanceof ExecutorError ? ExecutorError.wrap(error, during) : error);
      }
    }
  }

  #take(frame: Buffer): void {
    const cursor = new Cursor(frame);
    const header = cursor.delimited();
    const [status, exception, text] = [header.number(2), header.text(4), header.text(5)];
    const call = this.#calls.get(header.number(1));
    if (status === 0) {
      call?.resolve(cursor.take(Number(cursor.varint())));
      return;
    }
    const during = call?.during ?? "connect to the name node";
    const error =
      header.number(6) === unauthorized
        ? new ExecutorError("Unauthorized", `the name node refuses: ${text}; ${kerberosRemedy}`)
        : javaError({ exception, message: text }, during);
    call?.reject(error);
    // FATAL: the server closes the connection, and means all calls.
    if (status === 2) throw error;
  }
}

/** Who has not said one sensible word is no name node: its web port, or another server. */
function noRpc(cause: ExecutorError): ExecutorError {
  const text = `${cause.message}; it may be no RPC port of a name node`;
  return new ExecutorError("Transient", text, { cause, reason: "NoHttp" });
}
