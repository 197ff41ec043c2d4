import { connect, isIP, type NetConnectOpts, type Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { ExecutorError } from "../errors/index.ts";
import type { ByteSink } from "./byte-sink.ts";
import { translateNetworkError } from "./errors.ts";

/** How TLS connections are made: context, verification. */
export type TlsSettings = Pick<ConnectionOptions, "secureContext" | "rejectUnauthorized">;

export interface DirectLimits {
  readonly connectTimeoutMs: number;
  /** Longest silence while an answer is due. */
  readonly idleTimeoutMs: number;
  /** How long a connection without a request is kept. */
  readonly keepAliveMs: number;
}

export interface DirectGet {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Names the request in errors. */
  readonly during: string;
  readonly sizeBytes: number;
}

/** Status and headers (names in lower case) of an answer whose body is in the sink. */
export interface DirectAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

const headBytesMax = 16 * 1024;

/**
 * GET with the body read from the socket into memory of the caller's: Node's client makes a buffer and several objects
 * for each read of 64 KiB, or 16 KiB under TLS, which is most of a download's CPU time. It understands the one answer that
 * matters, 200 or 206 with the expected Content-Length; after any other the connection is dropped and the answer is
 * undefined, for the caller to ask again with the client that understands them all. The sink has taken nothing then.
 */
export class DirectGets implements Disposable {
  readonly #limits: DirectLimits;
  readonly #tls: () => TlsSettings;
  readonly #idle = new Map<string, Connection[]>();

  /** `tls` is asked for each connection to an https origin. */
  constructor(limits: DirectLimits, tls: () => TlsSettings) {
    this.#limits = limits;
    this.#tls = tls;
  }

  /** Throws Transient for what the network does; the sink keeps what had arrived by then. */
  async get(request: DirectGet, sink: ByteSink, signal: AbortSignal): Promise<DirectAnswer | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const kept = this.#keptConnection(request.origin);
      const connection = kept ?? this.#connect(request.origin);
      try {
        const answer = await connection.exchange(request, sink, signal);
        if (answer !== undefined) this.#keep(request.origin, connection);
        return answer;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        // The server had closed the kept connection before the request arrived; one that is merely silent had not.
        if (kept === undefined || !connection.wasClosed) throw translateNetworkError(error, request.during);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const connections of this.#idle.values()) for (const connection of connections) connection.drop();
    this.#idle.clear();
  }

  #connect(origin: string): Connection {
    return new Connection(origin, this.#limits, origin.startsWith("https:") ? this.#tls() : undefined);
  }

  #keptConnection(origin: string): Connection | undefined {
    const kept = this.#idle.get(origin) ?? [];
    while (kept.length > 0) {
      const connection = kept.pop();
      if (connection?.isOpen) return connection;
    }
    return undefined;
  }

  #keep(origin: string, connection: Connection): void {
    if (!connection.isOpen) return;
    const kept = (this.#idle.get(origin) ?? []).filter((each) => each.isOpen);
    this.#idle.set(origin, [...kept, connection]);
  }
}

interface Exchange {
  readonly request: DirectGet;
  readonly sink: ByteSink;
  readonly resolve: (answer: DirectAnswer | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** One connection, which carries one exchange at a time. */
class Connection {
  readonly #socket: Socket;
  readonly #limits: DirectLimits;
  readonly #head = Buffer.allocUnsafeSlow(headBytesMax);
  #headBytes = 0;
  #exchange: Exchange | undefined;
  #answer: DirectAnswer | undefined;
  #bodyLeft = 0;
  /** Nothing of the answer has arrived. */
  #isSilent = true;
  #hasTimedOut = false;

  /** With `tls`, over TLS. */
  constructor(origin: string, limits: DirectLimits, tls: TlsSettings | undefined) {
    const { hostname, port: ownPort } = new URL(origin);
    const port = Number(ownPort || (tls ? 443 : 80));
    this.#limits = limits;
    const target = {
      host: hostname.replace(/^\[|\]$/g, ""),
      port,
      noDelay: true,
      onread: { buffer: () => this.#space(), callback: (bytes: number) => this.#take(bytes) },
    };
    this.#socket = tls ? connectTls(target, tls) : connect(target);
    const timer = setTimeout(() => {
      this.#socket.destroy(timeoutError(`dial tcp ${hostname}:${port}: i/o timeout`));
    }, limits.connectTimeoutMs);
    this.#socket.once(tls ? "secureConnect" : "connect", () => clearTimeout(timer));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("timeout", () => {
      this.#hasTimedOut = true;
      this.#socket.destroy(this.#silence());
    });
    this.#socket.on("close", () => {
      clearTimeout(timer);
      this.#fail(new ExecutorError("Transient", `${this.#exchange?.request.during}: unexpected EOF`));
    });
  }

  /** After a failure: the server had closed the connection, and has not seen the request. */
  get wasClosed(): boolean {
    return this.#isSilent && !this.#hasTimedOut;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.readable && this.#socket.writable;
  }

  drop(): void {
    this.#socket.destroy();
  }

  exchange(request: DirectGet, sink: ByteSink, signal: AbortSignal): Promise<DirectAnswer | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<DirectAnswer | undefined>();
    const stop = () => {
      // At once: what TLS has deciphered already must not follow into memory that its owner takes back.
      this.#fail(signal.reason);
      this.#socket.destroy();
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#exchange = { request, sink, resolve, reject };
    this.#isSilent = true;
    this.#headBytes = 0;
    this.#socket.ref();
    this.#socket.setTimeout(this.#limits.idleTimeoutMs);
    this.#socket.write(encodeHead(request));
    return promise.finally(() => signal.removeEventListener("abort", stop));
  }

  /** Where the next read goes: the body to its sink, all else to the head. Never empty: TLS would ask for ever. */
  #space(): Uint8Array {
    if (this.#bodyLeft > 0 && this.#exchange) return this.#exchange.sink.space().subarray(0, this.#bodyLeft);
    return this.#head.subarray(this.#headBytes);
  }

  #take(bytes: number): boolean {
    this.#isSilent = false;
    if (this.#bodyLeft > 0) this.#takeBody(bytes);
    else this.#takeHead(bytes);
    return true;
  }

  #takeHead(bytes: number): void {
    this.#headBytes += bytes;
    const exchange = this.#exchange;
    const head = this.#head.subarray(0, this.#headBytes);
    const end = head.indexOf("\r\n\r\n");
    if (!exchange || (end === -1 && this.#headBytes === headBytesMax)) this.#giveUp();
    if (!exchange || end === -1) return;
    const answer = decodeHead(head.toString("latin1", 0, end));
    const rest = head.subarray(end + 4);
    if (!isPlain(answer, exchange.request.sizeBytes) || rest.length > exchange.request.sizeBytes) {
      this.#giveUp();
      return;
    }
    this.#answer = answer;
    this.#bodyLeft = exchange.request.sizeBytes;
    for (let taken = 0; taken < rest.length; ) {
      const room = exchange.sink.space();
      const part = rest.subarray(taken, taken + room.length);
      room.set(part);
      this.#takeBody(part.length);
      taken += part.length;
    }
  }

  #takeBody(bytes: number): void {
    this.#bodyLeft -= bytes;
    this.#exchange?.sink.filled(bytes);
    if (this.#bodyLeft === 0) this.#finish();
  }

  #finish(): void {
    const exchange = this.#exchange;
    const answer = this.#answer;
    this.#exchange = undefined;
    this.#headBytes = 0;
    if (answer?.headers.get("connection")?.toLowerCase() === "close") this.#socket.destroy();
    // An idle connection does not keep the process alive.
    this.#socket.setTimeout(this.#limits.keepAliveMs);
    this.#socket.unref();
    exchange?.resolve(answer);
  }

  /** What came is not for us to understand. */
  #giveUp(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    // TLS hands on what it has deciphered even then.
    this.#headBytes = 0;
    this.#socket.destroy();
    exchange?.resolve(undefined);
  }

  #fail(error: Error): void {
    this.#exchange?.reject(error);
    this.#exchange = undefined;
    this.#headBytes = 0;
    this.#bodyLeft = 0;
  }

  #silence(): Error | undefined {
    if (this.#exchange === undefined) return undefined;
    if (this.#bodyLeft === 0) return timeoutError("i/o timeout: the server says nothing");
    const seconds = Math.round(this.#limits.idleTimeoutMs / 1000);
    const { during } = this.#exchange.request;
    return new ExecutorError("Transient", `${during}: i/o timeout: no byte for ${seconds} s`);
  }
}

/** Not an import: most pods speak TLS to nobody but the API server, and only some of them that. */
function connectTls(target: NetConnectOpts & { readonly host: string }, settings: TlsSettings): Socket {
  const isName = isIP(target.host) === 0;
  return process.getBuiltinModule("node:tls").connect({
    ...target,
    ...settings,
    ...(isName ? { servername: target.host } : {}),
    ALPNProtocols: ["http/1.1"],
  });
}

function encodeHead({ path, headers }: DirectGet): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${fields.join("")}connection: keep-alive\r\n\r\n`;
}

function decodeHead(text: string): DirectAnswer {
  const [first = "", ...lines] = text.split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0), headers };
}

function isPlain({ status, headers }: DirectAnswer, sizeBytes: number): boolean {
  return (
    (status === 200 || status === 206) &&
    !headers.has("transfer-encoding") &&
    !headers.has("content-encoding") &&
    headers.get("content-length") === String(sizeBytes) &&
    sizeBytes > 0
  );
}

function timeoutError(message: string): Error {
  return Object.assign(new Error(message), { code: "ETIMEDOUT" });
}
