import { EventEmitter, on } from "node:events";
import type { IncomingHttpHeaders } from "node:http";

/** A request as the server saw it; body and status appear while it is being served. */
export interface ApiRequestRecord {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** When it arrived, by `Date.now()`. */
  readonly atMs: number;
  /** Undefined until the answer begins, and for a connection that was dropped. */
  readonly status: number | undefined;
  readonly isDone: boolean;
}

export type LoggedRequest = { -readonly [Field in keyof ApiRequestRecord]: ApiRequestRecord[Field] };

/** Requests in order of arrival. */
export class RequestLog {
  readonly records: LoggedRequest[] = [];
  readonly #events = new EventEmitter().setMaxListeners(0);

  open(method: string, url: URL, headers: IncomingHttpHeaders): LoggedRequest {
    const query = Object.fromEntries(url.searchParams);
    const record: LoggedRequest = {
      method,
      path: url.pathname,
      query,
      headers,
      body: "",
      atMs: Date.now(),
      status: undefined,
      isDone: false,
    };
    this.records.push(record);
    this.changed(record);
    return record;
  }

  changed(record: LoggedRequest): void {
    this.#events.emit("change", record);
  }

  async waitFor(
    accept: (record: ApiRequestRecord) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<ApiRequestRecord> {
    const past = this.records.find((record) => accept(record));
    if (past) return past;
    for await (const [record] of on(this.#events, "change", signal ? { signal } : {})) {
      if (accept(record as LoggedRequest)) return record as LoggedRequest;
    }
    throw new Error("the event iterator never ends by itself");
  }
}
