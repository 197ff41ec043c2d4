import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { createConnection } from "node:net";
import { ExecutorError, errorText } from "../errors/index.ts";
import { brokenFrame, frameOf, messagesOf } from "./frames.ts";
import { checkHead, checkStatus, rpcError } from "./status.ts";

/** Where the server is: a unix socket, or an address with http (plaintext) or https. */
export type GrpcTarget =
  | { readonly socketPath: string }
  | { readonly url: URL; readonly tls?: Pick<SecureClientSessionOptions, "ca" | "cert" | "key"> };

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** The whole call's; undefined: none, as in gRPC. */
  readonly timeoutMs?: number | undefined;
  readonly messageBytesMax?: number;
  /** The request is compressed so already. */
  readonly encoding?: "gzip";
}

/** What a server of another kind, or one that is wrong, cannot make us exceed. */
export const grpcDefaults = {
  /** gRPC's own default for received messages. */
  messageBytesMax: 4 * 1024 * 1024,
  /** Servers of gRPC refuse pings that come more often than every five minutes ("too_many_pings"). */
  pingIntervalMs: 310_000,
  pongTimeoutMs: 60_000,
} as const;

export interface PingTimes {
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
}

/** Bytes that a server may send before we have read them: a stream of large messages is not to wait for each. */
const windowBytes = 1024 * 1024;

/**
 * Connects and waits until the server has shown that it speaks HTTP/2: its SETTINGS (RFC 9113 section 3.4).
 * @throws Transient where nobody listens or the other side is no such server; what `signal` is aborted with
 */
export async function connectGrpc(
  target: GrpcTarget,
  signal: AbortSignal,
  pings: PingTimes = grpcDefaults,
): Promise<GrpcChannel> {
  signal.throwIfAborted();
  const session = openSession(target);
  // Whoever waits or calls gets the error from what it waits for.
  session.on("error", () => {});
  try {
    const ended = once(session, "close", { signal }).then(() => {
      throw rpcError("Unavailable", "the server closed the connection");
    });
    ended.catch(() => {});
    await Promise.race([once(session, "remoteSettings", { signal }), ended]);
    return new GrpcChannel(session, "url" in target ? target.url.host : "localhost", pings);
  } catch (error) {
    session.destroy();
    signal.throwIfAborted();
    throw error instanceof ExecutorError ? error : connectionError(error);
  }
}

/** A certificate that is not trusted now will not be a moment later. */
function connectionError(error: unknown): ExecutorError {
  const unavailable = rpcError("Unavailable", errorText(error), error);
  const isTrust = /CERT|^UNABLE_TO_|SELF_SIGNED|ERR_TLS_/.test((error as NodeJS.ErrnoException).code ?? "");
  return isTrust ? new ExecutorError("BadRequest", unavailable.message, { cause: error }) : unavailable;
}

function openSession(target: GrpcTarget): ClientHttp2Session {
  const options = {
    settings: { enablePush: false, initialWindowSize: windowBytes },
    // A list of headers that never ends.
    maxHeaderListPairs: 64,
    maxSessionMemory: 16,
  };
  if ("url" in target) return connect(target.url.origin, { ...options, ...target.tls });
  const createSocket = () => createConnection({ path: target.socketPath });
  return connect("http://localhost", { ...options, createConnection: createSocket });
}

/** One HTTP/2 connection, on which any number of calls run side by side. */
export class GrpcChannel implements Disposable {
  readonly #session: ClientHttp2Session;
  readonly #authority: string;
  readonly #pings: PingTimes;
  #calls = 0;
  #pingTimer: NodeJS.Timeout | undefined;
  #isSilent = false;

  constructor(session: ClientHttp2Session, authority: string, pings: PingTimes) {
    this.#session = session;
    this.#authority = authority;
    this.#pings = pings;
    session.setLocalWindowSize(4 * windowBytes);
  }

  /** False once the connection is gone, or the server takes no more calls on it. */
  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#pingTimer);
    this.#session.destroy();
  }

  /** A call with one message each way. */
  async unary(
    method: string,
    request: Uint8Array,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<Buffer> {
    return single(this.call(method, request, options, signal));
  }

  /** A call with many messages to the server and one from it. */
  async clientStream(
    method: string,
    requests: AsyncIterable<Uint8Array>,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<Buffer> {
    return single(this.call(method, requests, options, signal));
  }

  /**
   * A call, whose answers come as the server sends them; leaving the loop cancels it. Throws an ExecutorError in gRPC's
   * words; what `signal` was aborted with; and what `requests` throws.
   */
  async *call(
    method: string,
    requests: Uint8Array | AsyncIterable<Uint8Array>,
    { metadata = {}, timeoutMs, messageBytesMax = grpcDefaults.messageBytesMax, encoding }: CallOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    signal.throwIfAborted();
    const deadline = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const either = deadline === undefined ? signal : AbortSignal.any([signal, deadline]);
    const head = encoding === undefined ? metadata : { ...metadata, "grpc-encoding": encoding };
    const stream = this.#open(method, head, timeoutMs);
    const sending = new Sending(stream, requests, encoding !== undefined);
    const cancel = () => sending.breakOff(() => stream.destroy(either.reason as Error));
    either.addEventListener("abort", cancel, { once: true });
    this.#callBegins();
    try {
      const answer = new Answer(stream);
      yield* messagesOf(answer.body(), messageBytesMax);
      answer.check();
    } catch (error) {
      signal.throwIfAborted();
      if (deadline?.aborted) throw rpcError("DeadlineExceeded", "context deadline exceeded", error);
      if (sending.failure) throw sending.failure.error;
      throw this.#translate(error);
    } finally {
      either.removeEventListener("abort", cancel);
      this.#callEnds();
      if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  #open(method: string, metadata: Readonly<Record<string, string>>, timeoutMs: number | undefined) {
    try {
      const stream = this.#session.request({
        ...metadata,
        ":method": "POST",
        ":path": method,
        ":scheme": this.#session.encrypted ? "https" : "http",
        ":authority": this.#authority,
        "content-type": "application/grpc",
        te: "trailers",
        ...(timeoutMs === undefined ? {} : { "grpc-timeout": grpcTimeout(timeoutMs) }),
      });
      stream.on("error", () => {});
      return stream;
    } catch (error) {
      throw rpcError("Unavailable", `the connection is closed: ${errorText(error)}`, error);
    }
  }

  #translate(error: unknown): ExecutorError {
    if (this.#isSilent) return rpcError("Unavailable", "keepalive ping failed to receive ACK within timeout");
    if (!(error instanceof ExecutorError)) return rpcError("Unavailable", errorText(error), error);
    return error.reason === "Rpc" ? error : new ExecutorError(error.code, describe(error), { cause: error });
  }

  /**
   * A process that was stopped, or whose machine hangs, says nothing and keeps its sockets. Pings tell it from one that
   * has a lot to do, for as long as somebody waits for an answer.
   */
  #callBegins(): void {
    this.#calls += 1;
    this.#pingTimer ??= setInterval(() => this.#ping(), this.#pings.pingIntervalMs);
    this.#pingTimer.unref();
  }

  #callEnds(): void {
    this.#calls -= 1;
    if (this.#calls > 0) return;
    clearInterval(this.#pingTimer);
    this.#pingTimer = undefined;
  }

  #ping(): void {
    if (!this.isOpen) return;
    const overdue = setTimeout(() => {
      this.#isSilent = true;
      this.#session.destroy();
    }, this.#pings.pongTimeoutMs);
    overdue.unref();
    this.#session.ping(() => clearTimeout(overdue));
  }
}

async function single(answers: AsyncIterable<Buffer>): Promise<Buffer> {
  let found: Buffer | undefined;
  for await (const answer of answers) {
    if (found !== undefined) throw rpcError("Internal", "the server sent more than one message");
    found = answer;
  }
  if (found === undefined) throw rpcError("Internal", "the server sent no message");
  return found;
}

function describe({ code, message }: ExecutorError): string {
  return `rpc error: code = ${code === "TooLarge" ? "ResourceExhausted" : "Internal"} desc = ${message}`;
}

/** At most eight digits and a unit: milliseconds for up to a day, then seconds. */
function grpcTimeout(ms: number): string {
  return ms < 1e8 ? `${Math.ceil(ms)}m` : `${Math.ceil(ms / 1000)}S`;
}

/** A server that has not read on by then is busy, and will see the end of the call for what it is. */
const breakOffMs = 1000;

/** The messages on their way to the server. It may answer, and end the call, before it has read them all. */
class Sending {
  failure: { readonly error: unknown } | undefined;
  readonly #stream: ClientHttp2Stream;
  #isBroken = false;

  constructor(
    stream: ClientHttp2Stream,
    requests: Uint8Array | AsyncIterable<Uint8Array>,
    isCompressed: boolean,
  ) {
    this.#stream = stream;
    if (requests instanceof Uint8Array) stream.end(frameOf(requests, isCompressed));
    else void this.#send(requests);
  }

  async #send(requests: AsyncIterable<Uint8Array>): Promise<void> {
    const stream = this.#stream;
    try {
      for await (const request of requests) {
        if (stream.destroyed || stream.closed || this.#isBroken) return;
        if (!stream.write(frameOf(request))) await drained(stream);
      }
      if (!this.#isBroken) stream.end();
    } catch (error) {
      // The source failed: nothing of what was sent counts.
      this.failure = { error };
      this.breakOff(() => stream.close(constants.NGHTTP2_CANCEL));
    }
  }

  /**
   * Says that what was sent is not all, and ends the call with `end` unless the server does. Some implementations
   * (Python's) show a call that is cancelled while they wait for a message as one whose messages have all come, and a
   * plugin would publish half an artifact; a message that is none makes all of them fail the call.
   */
  breakOff(end: () => void): void {
    const stream = this.#stream;
    if (this.#isBroken) return;
    this.#isBroken = true;
    if (stream.writableEnded || stream.destroyed || stream.closed) {
      end();
      return;
    }
    stream.write(brokenFrame);
    const timer = setTimeout(end, breakOffMs);
    stream.once("close", () => clearTimeout(timer));
  }
}

async function drained(stream: ClientHttp2Stream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("drain", resolve);
  stream.once("close", resolve);
  await promise;
  stream.off("drain", resolve);
  stream.off("close", resolve);
}

/** What comes back: head, body, status. The status may stand in the head, where nothing else comes. */
class Answer {
  readonly #stream: ClientHttp2Stream;
  #head: IncomingHttpHeaders | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  readonly #headCame: Promise<void>;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#headCame = promise;
    stream.once("response", (headers) => {
      this.#head = headers;
      resolve();
    });
    stream.once("trailers", (headers) => {
      this.#trailers = headers;
    });
    stream.once("close", () => resolve());
  }

  async *body(): AsyncGenerator<Buffer, void, undefined> {
    await this.#headCame;
    if (this.#head !== undefined) checkHead(this.#head);
    try {
      yield* this.#stream as AsyncIterable<Buffer>;
    } catch (error) {
      // A server that has said how the call ended may cut off what we were still sending.
      if (this.#trailers === undefined) throw error;
    }
  }

  /** Throws the call's status, unless it is OK. */
  check(): void {
    if (this.#head === undefined) {
      const { rstCode } = this.#stream;
      const why = rstCode ? `stream terminated by RST_STREAM with error code: ${rstCode}` : "no answer came";
      throw rpcError("Unavailable", `the connection was closed: ${why}`);
    }
    const status = this.#trailers ?? this.#head;
    if (status["grpc-status"] === undefined && (this.#stream.session?.destroyed ?? true)) {
      throw rpcError("Unavailable", "the connection was closed before the answer was complete");
    }
    checkStatus(status);
  }
}
