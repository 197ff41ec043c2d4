import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { appendTo, type ByteSink } from "../streams/index.ts";
import type { AnswerHead } from "./answer-head.ts";
import { AnswerReader } from "./answer-reader.ts";
import { type DialSettings, dial, dialTls, needsTunnel, type Route } from "./dial.ts";
import { silence, unexpectedEnd } from "./errors.ts";
import { isPayloadStream, type Payload, writeStream } from "./payload.ts";
import { ReceivedBody, StreamedBody } from "./received-body.ts";

export interface ConnectionSettings extends DialSettings {
  /** Longest silence while an answer is due; 0: none. */
  readonly idleTimeoutMs: number;
  /** For all connections: what was read is looked at before anything else is read. */
  readonly received: Buffer;
}

/** A request as it goes on the wire. */
export interface WireRequest {
  readonly method: string;
  /** Up to the empty line, that included; Latin-1. */
  readonly head: string;
  readonly payload: Payload | undefined;
  readonly closesConnection: boolean;
  /** Asked when the head of the answer is there: where its body goes, if not into a stream. */
  readonly chooseSink: ((head: AnswerHead) => ByteSink | undefined) | undefined;
}

export interface WireAnswer {
  readonly head: AnswerHead;
  /** Empty where the body is in the sink. */
  readonly body: Readable;
  readonly isInSink: boolean;
  /** Nothing of it is still to come. */
  readonly isComplete: boolean;
}

interface Exchange {
  readonly request: WireRequest;
  readonly reader: AnswerReader;
  readonly resolve: (answer: WireAnswer) => void;
  readonly reject: (error: Error) => void;
  /** All of the request has been handed over. */
  isSent: boolean;
  source: Readable | undefined;
  head: AnswerHead | undefined;
  sink: ByteSink | undefined;
  stream: StreamedBody | undefined;
  answer: WireAnswer | undefined;
  /** Body bytes for which there is no stream yet. */
  pieces: Buffer[];
  isDone: boolean;
}

const slabBytes = 64 * 1024;
/** A read into less than that costs more than the memory it saves. */
const slabRestMin = 16 * 1024;

/** One connection, which carries one exchange at a time. What breaks any rule closes it. */
export class Connection {
  /** Told when another exchange may follow. */
  onIdle: () => void = () => {};
  /** Seconds from `Keep-Alive`, where the server has said how long it waits for the next request. */
  keepAliveHintMs = Number.POSITIVE_INFINITY;
  readonly #settings: ConnectionSettings;
  readonly #opening: Promise<void> | undefined;
  #socket: Socket | undefined;
  #exchange: Exchange | undefined;
  #given: "received" | "slab" | "sink" = "received";
  #slab = Buffer.alloc(0);
  #hasStarted = false;
  #hasTimedOut = false;

  /** `signal` ends the opening of a tunnel only. */
  constructor(route: Route, settings: ConnectionSettings, signal: AbortSignal) {
    this.#settings = settings;
    if (needsTunnel(route)) {
      this.#opening = dialTls(route, settings, "http/1.1", signal).then((socket) => {
        socket.on("data", (bytes: Buffer) => this.#pauseIf(this.#takeForeign(bytes)));
        this.#attach(socket);
      });
      this.#opening.catch(() => {});
      return;
    }
    const callback = (bytes: number) => !this.#take(bytes);
    this.#attach(dial(route, settings, { buffer: () => this.#space(), callback }));
  }

  get isOpen(): boolean {
    const socket = this.#socket;
    return socket !== undefined && !socket.destroyed && socket.readable && socket.writable;
  }

  /** After a failure: it was closed without a word about the request. */
  get wasClosedUnheard(): boolean {
    return !this.#hasStarted && !this.#hasTimedOut;
  }

  /** Fails the exchange that is under way, and closes. */
  drop(reason: Error = unexpectedEnd()): void {
    // First: what TLS has deciphered already must not follow into memory that its owner takes back.
    this.#fail(reason);
    this.#socket?.destroy();
  }

  /**
   * Sends the request; resolves with the head of the answer, or when its body is in the sink. A 2xx that comes before
   * the request has been sent counts when it has been; any other answer ends the sending.
   */
  async exchange(request: WireRequest): Promise<WireAnswer> {
    if (this.#opening) await this.#opening;
    const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) throw unexpectedEnd();
    const reader = new AnswerReader(request.method, {
      onHead: (head) => this.#takeHead(exchange, head),
      onBody: (bytes) => this.#takeBody(exchange, bytes),
      onEnd: () => {
        exchange.isDone = true;
      },
    });
    const exchange: Exchange = {
      request,
      reader,
      resolve,
      reject,
      isSent: false,
      source: undefined,
      head: undefined,
      sink: undefined,
      stream: undefined,
      answer: undefined,
      pieces: [],
      isDone: false,
    };
    this.#exchange = exchange;
    this.#hasStarted = false;
    socket.ref();
    this.#send(exchange, socket);
    return await promise;
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    socket.setTimeout(this.#settings.idleTimeoutMs);
    socket.on("timeout", () => this.#noteSilence());
    socket.on("error", (error) => this.#fail(error));
    socket.on("end", () => this.#close());
    socket.on("close", () => this.#close());
  }

  #send(exchange: Exchange, socket: Socket): void {
    const { head, payload } = exchange.request;
    if (isPayloadStream(payload)) {
      socket.write(head, "latin1");
      let source: Readable;
      try {
        source = payload.open();
      } catch (error) {
        this.drop(error as Error);
        return;
      }
      exchange.source = source;
      writeStream(socket, payload, source).then(
        () => this.#noteSent(exchange),
        // Of the body's source, not of the network: its own error is the one that counts.
        (error: Error) => {
          if (this.#exchange === exchange && exchange.source) this.drop(error);
        },
      );
      return;
    }
    exchange.isSent = true;
    if (payload === undefined) {
      socket.write(head, "latin1");
      return;
    }
    socket.cork();
    socket.write(head, "latin1");
    for (const chunk of payload.chunks) socket.write(chunk);
    socket.uncork();
  }

  #noteSent(exchange: Exchange): void {
    if (this.#exchange !== exchange || this.#socket?.destroyed) return;
    exchange.isSent = true;
    exchange.source = undefined;
    if (exchange.answer) exchange.resolve(exchange.answer);
    if (exchange.isDone) this.#finish(exchange);
  }

  /** Where the next read goes. Never empty: TLS would ask for ever. */
  #space(): Uint8Array {
    const exchange = this.#exchange;
    const bodyBytes = exchange?.reader.bodyBytesNext ?? 0;
    if (exchange?.sink && bodyBytes > 0) {
      this.#given = "sink";
      return exchange.sink.space().subarray(0, bodyBytes);
    }
    if (exchange?.stream) {
      this.#given = "slab";
      if (this.#slab.length < slabRestMin) this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      return this.#slab;
    }
    this.#given = "received";
    return this.#settings.received;
  }

  /** @returns whether the reader of the body has enough for now */
  #take(bytes: number): boolean {
    const exchange = this.#exchange;
    if (this.#given === "sink" && exchange?.sink) {
      return this.#guarded(exchange, () => {
        exchange.sink?.filled(bytes);
        exchange.reader.noteBody(bytes);
      });
    }
    if (this.#given === "slab") {
      const piece = this.#slab.subarray(0, bytes);
      this.#slab = this.#slab.subarray(bytes);
      return this.#takeForeign(piece);
    }
    return this.#takeForeign(this.#settings.received.subarray(0, bytes));
  }

  #takeForeign(bytes: Buffer): boolean {
    const exchange = this.#exchange;
    if (!exchange || exchange.isDone) {
      // Nobody has asked: whatever it answers, it is not the next request.
      this.drop();
      return false;
    }
    return this.#guarded(exchange, () => exchange.reader.take(bytes));
  }

  #guarded(exchange: Exchange, work: () => void): boolean {
    try {
      this.#hasStarted = true;
      work();
      this.#tell(exchange);
    } catch (error) {
      this.drop(error as Error);
    }
    return (exchange.stream?.readableLength ?? 0) >= slabBytes && this.#exchange === exchange;
  }

  #pauseIf(hasEnough: boolean): void {
    if (hasEnough) this.#socket?.pause();
  }

  #takeHead(exchange: Exchange, head: AnswerHead): void {
    exchange.head = head;
    exchange.sink = exchange.request.chooseSink?.(head);
  }

  #takeBody(exchange: Exchange, bytes: Buffer): void {
    if (exchange.sink) appendTo(exchange.sink, bytes);
    else if (exchange.stream) exchange.stream.push(this.#given === "received" ? Buffer.from(bytes) : bytes);
    else exchange.pieces.push(Buffer.from(bytes));
  }

  /** Passes on what has become known with the last bytes. */
  #tell(exchange: Exchange): void {
    const { head } = exchange;
    if (head === undefined || this.#exchange !== exchange) return;
    if (exchange.answer === undefined && (exchange.isDone || !exchange.sink)) this.#answer(exchange, head);
    if (!exchange.isDone) return;
    if (exchange.stream) exchange.stream.complete();
    if (exchange.isSent || head.status >= 300) this.#finish(exchange);
  }

  #answer(exchange: Exchange, head: AnswerHead): void {
    let body: Readable;
    if (exchange.isDone) {
      const [only, ...others] = exchange.pieces;
      body = new ReceivedBody(only && others.length === 0 ? only : Buffer.concat(exchange.pieces));
    } else {
      const stream = new StreamedBody(
        () => this.#socket?.resume(),
        (error) => {
          if (this.#exchange === exchange) this.drop(error ?? undefined);
        },
      );
      // Whoever reads is told; a body that nobody reads may break without ending the process.
      stream.on("error", () => {});
      for (const piece of exchange.pieces) stream.push(piece);
      exchange.stream = stream;
      body = stream;
    }
    exchange.pieces = [];
    exchange.answer = { head, body, isInSink: exchange.sink !== undefined, isComplete: exchange.isDone };
    if (exchange.isSent) exchange.resolve(exchange.answer);
    else if (head.status >= 300) {
      // It does not want the rest; whatever its source says now means nothing.
      const { source } = exchange;
      exchange.source = undefined;
      source?.destroy();
      exchange.resolve(exchange.answer);
    }
  }

  #finish(exchange: Exchange): void {
    const socket = this.#socket;
    const { head, request, isSent } = exchange;
    this.#exchange = undefined;
    if (!socket || !head) return;
    // Where the answer came before all of the request was sent, the rest must not run into the next one.
    const isWritten = isSent && socket.writableLength === 0;
    if (!isWritten || !head.keepsConnection || request.closesConnection || socket.destroyed) {
      socket.destroy();
      return;
    }
    const hint = /\btimeout=(\d+)/.exec(String(head.headers["keep-alive"] ?? ""))?.[1];
    this.keepAliveHintMs = hint === undefined ? Number.POSITIVE_INFINITY : Number(hint) * 1000;
    // An idle connection does not keep the process alive.
    socket.unref();
    if (socket.isPaused()) socket.resume();
    this.onIdle();
  }

  #close(): void {
    const exchange = this.#exchange;
    if (exchange?.head && !exchange.isDone) {
      try {
        exchange.reader.close();
        this.#tell(exchange);
      } catch (error) {
        this.#fail(error as Error);
      }
    }
    this.#fail(unexpectedEnd());
    this.#socket?.destroy();
  }

  #noteSilence(): void {
    const exchange = this.#exchange;
    // The reader of a stream has a time limit of its own; and while its source is slow, it is we who are silent.
    if (exchange?.stream || (exchange && !exchange.isSent && this.#socket?.writableLength === 0)) return;
    this.#hasTimedOut = true;
    this.drop(silence());
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (!exchange) return;
    exchange.reject(error);
    exchange.source?.destroy();
    exchange.stream?.destroy(error);
  }
}
