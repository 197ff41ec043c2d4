import { EventEmitter, on } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { ExchangeObserver } from "../../../desk/object-server/index.ts";

type Target = Parameters<NonNullable<ExchangeObserver["begin"]>>[0];

/** A request as the server saw it. Byte counts and status grow while it is being served. */
export interface RequestRecord {
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  /** When it arrived, by `Date.now()`. */
  readonly atMs: number;
  /** Bytes of the body that were read, as they came over the wire. */
  readonly bytes: number;
  /** Undefined while there is no answer, and for a connection that ended without one. */
  readonly status: number | undefined;
  /** The answer has been handed to the kernel, or the connection has ended. */
  readonly isDone: boolean;
}

const recordsMax = 200_000;

export class RequestLog {
  readonly records: LoggedRequest[] = [];
  readonly #events = new EventEmitter().setMaxListeners(0);

  open(message: IncomingMessage): LoggedRequest {
    if (this.records.length >= recordsMax) this.records.splice(0, recordsMax / 2);
    const record = new LoggedRequest(message);
    this.records.push(record);
    // In a later turn, when the target is known.
    queueMicrotask(() => this.#events.emit("change", record));
    return record;
  }

  close(record: LoggedRequest, response: ServerResponse): void {
    record.status = response.headersSent ? response.statusCode : undefined;
    record.isDone = true;
    this.#events.emit("change", record);
  }

  clear(): void {
    this.records.length = 0;
  }

  async waitFor(accept: (record: RequestRecord) => boolean, signal?: AbortSignal): Promise<RequestRecord> {
    const past = this.records.find((record) => accept(record));
    if (past) return past;
    for await (const [record] of on(this.#events, "change", signal ? { signal } : {})) {
      if (accept(record as RequestRecord)) return record as RequestRecord;
    }
    throw new Error("the event iterator never ends by itself");
  }
}

export class LoggedRequest implements RequestRecord {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly atMs = Date.now();
  bucket: string | undefined;
  key: string | undefined;
  query: Readonly<Record<string, string>> = {};
  bytes = 0;
  status: number | undefined;
  isDone = false;

  constructor(message: IncomingMessage) {
    this.method = message.method ?? "GET";
    this.headers = message.headers;
  }

  setTarget({ bucket, key, query }: Target): void {
    this.bucket = bucket;
    this.key = key === undefined ? undefined : fromKeyBytes(key);
    this.query = Object.fromEntries([...query].map(([name, value]) => [name, fromKeyBytes(value)]));
  }

  addBytes(bytes: number): void {
    this.bytes += bytes;
  }
}

/** The server's byte strings, one character a byte, as text. */
function fromKeyBytes(key: string): string {
  return Buffer.from(key, "latin1").toString("utf8");
}
