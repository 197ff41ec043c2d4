import { connect, type Socket } from "node:net";
import { ExecutorError } from "../errors/index.ts";
import { type Answer, decodeAnswer } from "./answer.ts";
import { translateNetworkError } from "./errors.ts";
import { Stops } from "./stops.ts";

export interface DirectSendLimits {
  readonly connectTimeoutMs: number;
  /** Longest silence while an answer is due. */
  readonly idleTimeoutMs: number;
  /** How long a connection without a request is kept. */
  readonly keepAliveMs: number;
}

export interface DirectSend {
  readonly origin: string;
  /** Everything up to the empty line, that included. */
  readonly head: string;
  readonly chunks: readonly Uint8Array[];
  /** Names the request in errors. */
  readonly during: string;
}

const answerBytesMax = 1024 * 1024;

/**
 * Requests with a small body and a small answer over plain http, each written at once and its answer read at once: what
 * Node's client does for one request (a dozen objects, three streams, four listeners on the signal) costs more than all
 * else that a small file needs. A request that meets a kept connection which the server had closed is sent again, so it
 * must be one that may be repeated.
 */
export class DirectSends implements Disposable {
  readonly #limits: DirectSendLimits;
  readonly #idle = new Map<string, Connection[]>();
  readonly #stops = new Stops();
  /** One for all connections: what was read is looked at before anything else is read. */
  readonly #received = Buffer.allocUnsafeSlow(16 * 1024);

  constructor(limits: DirectSendLimits) {
    this.#limits = limits;
  }

  /** Resolves with the whole answer. Throws Transient for what the network does. */
  async send(request: DirectSend, signal: AbortSignal): Promise<Answer> {
    for (;;) {
      signal.throwIfAborted();
      const kept = this.#keptConnection(request.origin);
      const connection = kept ?? new Connection(request.origin, this.#limits, this.#received);
      const stop = () => connection.drop(signal.reason);
      this.#stops.add(signal, stop);
      try {
        const answer = await connection.exchange(request);
        if (answer.keepsConnection) this.#keep(request.origin, connection);
        else connection.drop();
        return answer;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (kept === undefined || !connection.wasClosed) throw translateNetworkError(error, request.during);
      } finally {
        this.#stops.remove(signal, stop);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const connections of this.#idle.values()) for (const connection of connections) connection.drop();
    this.#idle.clear();
  }

  /** The one used last; those below it become old, and are dropped when it is their turn. */
  #keptConnection(origin: string): Connection | undefined {
    const kept = this.#idle.get(origin);
    for (let connection = kept?.pop(); connection; connection = kept?.pop()) {
      if (connection.isFresh) return connection;
      connection.drop();
    }
    return undefined;
  }

  #keep(origin: string, connection: Connection): void {
    const kept = this.#idle.get(origin);
    if (kept) kept.push(connection);
    else this.#idle.set(origin, [connection]);
  }
}

interface Exchange {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** One connection, which carries one exchange at a time. */
class Connection {
  readonly #socket: Socket;
  readonly #limits: DirectSendLimits;
  readonly #received: Buffer;
  /** What has come of the answer. */
  #gathered: Buffer | undefined;
  #exchange: Exchange | undefined;
  #idleSinceMs = 0;
  #hasTimedOut = false;

  constructor(origin: string, limits: DirectSendLimits, received: Buffer) {
    const { hostname, port } = new URL(origin);
    this.#limits = limits;
    this.#received = received;
    this.#socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 80 : Number(port),
      noDelay: true,
      onread: { buffer: received, callback: (bytes) => this.#take(bytes) },
    });
    const timer = setTimeout(
      () => this.#timeOut(`dial tcp ${hostname}:${port || 80}: i/o timeout`),
      limits.connectTimeoutMs,
    );
    this.#socket.once("connect", () => clearTimeout(timer));
    this.#socket.setTimeout(limits.idleTimeoutMs, () =>
      this.#timeOut("i/o timeout: the server says nothing"),
    );
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("end", () => this.#look(true));
    this.#socket.on("close", () => {
      clearTimeout(timer);
      this.#fail(new ExecutorError("Transient", "unexpected EOF"));
    });
  }

  /** Open, and not idle for so long that the server may be about to close it. */
  get isFresh(): boolean {
    const { destroyed, readable, writable } = this.#socket;
    const isYoung = performance.now() - this.#idleSinceMs < this.#limits.keepAliveMs;
    return !destroyed && readable && writable && isYoung;
  }

  /** It was closed without a word about the request. */
  get wasClosed(): boolean {
    return this.#gathered === undefined && !this.#hasTimedOut;
  }

  drop(reason?: Error): void {
    this.#socket.destroy(reason);
  }

  exchange({ head, chunks, during }: DirectSend): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#exchange = {
      resolve,
      reject: (error) => reject(error instanceof ExecutorError ? ExecutorError.wrap(error, during) : error),
    };
    this.#gathered = undefined;
    this.#socket.ref();
    this.#socket.cork();
    this.#socket.write(head, "latin1");
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
    return promise;
  }

  #take(bytes: number): boolean {
    const piece = this.#received.subarray(0, bytes);
    this.#gathered = Buffer.concat(this.#gathered ? [this.#gathered, piece] : [piece]);
    this.#look(false);
    return true;
  }

  #look(isEnded: boolean): void {
    const exchange = this.#exchange;
    if (!exchange) {
      // Nobody has asked: an answer to nothing, or the end of an idle connection.
      this.#socket.destroy();
      return;
    }
    if (!this.#gathered) return;
    try {
      const answer = decodeAnswer(this.#gathered, isEnded);
      if (answer === undefined && this.#gathered.length > answerBytesMax) {
        throw new ExecutorError("TooLarge", "the answer is longer than 1 MiB");
      }
      if (answer !== undefined) this.#end(exchange, answer);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #end({ resolve }: Exchange, answer: Answer): void {
    this.#exchange = undefined;
    this.#idleSinceMs = performance.now();
    // An idle connection does not keep the process alive.
    this.#socket.unref();
    // Where the answer came before all of the request was sent, the rest must not run into the next one.
    const isSent = this.#socket.writableLength === 0;
    resolve(isSent ? answer : { ...answer, keepsConnection: false });
  }

  #timeOut(text: string): void {
    this.#hasTimedOut = true;
    this.#socket.destroy(Object.assign(new Error(text), { code: "ETIMEDOUT" }));
  }

  #fail(error: Error): void {
    this.#exchange?.reject(error);
    this.#exchange = undefined;
  }
}
