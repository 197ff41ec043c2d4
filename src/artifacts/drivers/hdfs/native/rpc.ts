import { randomBytes } from "node:crypto";
import { ExecutorError, isExecutorError } from "../../../../errors/index.ts";
import { javaError } from "../errors.ts";
import type { GssContext } from "../kerberos/index.ts";
import { type Address, dial, Pipe } from "./pipe.ts";
import { negotiate, type RpcSeal } from "./sasl-rpc.ts";
import { Cursor, delimited, type Fields, Message } from "./wire.ts";

const protocolName = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
/** Call ids that mean something (RpcConstants). */
const contextCall = -3;
const saslCall = -33;
/** What the connection begins with: nothing has to be proved, or SASL comes first. */
const methods = { none: 0, sasl: 0xdf } as const;
/** RpcErrorCodeProto's FATAL_UNAUTHORIZED. */
const unauthorized = 15;
const kerberosRemedy =
  "a cluster that believes nobody wants krbKeytabSecret or krbCCacheSecret (docs/artifacts/hdfs.md)";
/** A name node that is asked answers, or says why not; a full log of edits takes a while. */
const answerMaxMs = 60_000;

/** Who asks. */
export interface RpcIdentity {
  /** `me`, or `me@REALM`. */
  user(signal: AbortSignal): Promise<string>;
  /** The context in which it is proved to the name node of a host; undefined: it is believed. */
  begin?(host: string, signal: AbortSignal): Promise<GssContext>;
}

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
  #seal: RpcSeal | undefined;
  /** What has been unsealed and is no whole frame yet. */
  #unsealed = Buffer.alloc(0);
  #lastCall = -1;
  #hasAnswered = false;
  #failure: unknown;

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
  }

  /** Says who we are, and proves it where the identity has something to prove it with. */
  static async open(address: Address, identity: RpcIdentity, signal: AbortSignal): Promise<RpcConnection> {
    const user = await identity.user(signal);
    const context = await identity.begin?.(address.host, signal);
    const during = `dial ${address.host}:${address.port}`;
    const pipe = new Pipe(await dial(address, during, signal), during);
    const connection = new RpcConnection(pipe);
    try {
      await connection.#begin(user, context);
    } catch (error) {
      pipe.destroy();
      throw isExecutorError(error, "Transient", "Corrupt") ? noRpc(error) : error;
    }
    void connection.#listen();
    return connection;
  }

  async #begin(user: string, context: GssContext | undefined): Promise<void> {
    const method = context === undefined ? methods.none : methods.sasl;
    await this.#pipe.write(Buffer.from("hrpc"), Buffer.from([9, 0, method]));
    if (context !== undefined) this.#seal = await negotiate(context, (message) => this.#exchange(message));
    const asking = new Message().bytes(2, new Message().text(1, user)).text(3, protocolName);
    await this.#send(this.#frame(contextCall, delimited(asking)));
  }

  /** A step of the negotiation. */
  async #exchange(message: Message): Promise<Fields> {
    await this.#pipe.write(this.#frame(saslCall, delimited(message)));
    const cursor = new Cursor(await this.#pipe.readFrame());
    const header = cursor.delimited();
    if (header.number(2) !== 0) throw refusal(header, "the name node refuses");
    this.#hasAnswered = true;
    return cursor.delimited();
  }

  async #send(frame: Buffer): Promise<void> {
    const sealed = this.#seal?.wrap(frame);
    await this.#pipe.write(sealed === undefined ? frame : this.#frame(saslCall, delimited(sealed)));
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
      await this.#send(this.#frame(id, delimited(header), delimited(request)));
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
        this.#receive(await this.#pipe.readFrame());
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

  #receive(frame: Buffer): void {
    if (this.#seal === undefined) {
      this.#take(frame);
      return;
    }
    const cursor = new Cursor(frame);
    // An error comes as it is, where the server has lost the thread.
    const header = cursor.delimited();
    if (header.number(2) !== 0) throw refusal(header, "the name node refuses");
    this.#unsealed = Buffer.concat([this.#unsealed, this.#seal.unwrap(cursor.delimited())]);
    while (this.#unsealed.byteLength >= 4) {
      const end = 4 + this.#unsealed.readUInt32BE();
      if (this.#unsealed.byteLength < end) return;
      this.#take(this.#unsealed.subarray(4, end));
      this.#unsealed = this.#unsealed.subarray(end);
    }
  }

  #take(frame: Buffer): void {
    const cursor = new Cursor(frame);
    const header = cursor.delimited();
    const status = header.number(2);
    const call = this.#calls.get(header.number(1));
    if (status === 0) {
      call?.resolve(cursor.take(Number(cursor.varint())));
      return;
    }
    const error = refusal(header, call?.during ?? "the name node refuses");
    call?.reject(error);
    // FATAL: the server closes the connection, and means all calls.
    if (status === 2) throw error;
  }
}

/** What the head of an answer says went wrong. */
function refusal(header: Fields, during: string): ExecutorError {
  const [exception, message] = [header.text(4), header.text(5)];
  if (header.number(6) !== unauthorized) return javaError({ exception, message }, during);
  const text = javaError({ exception, message }, "the name node refuses").message;
  return new ExecutorError("Unauthorized", `${text}; ${kerberosRemedy}`);
}

/** Who has not said one sensible word is no name node: its web port, or another server. */
function noRpc(cause: ExecutorError): ExecutorError {
  const text = `${cause.message}; it may be no RPC port of a name node`;
  return new ExecutorError("Transient", text, { cause, reason: "NoHttp" });
}
