import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExchangeObserver } from "../../../desk/object-server/index.ts";
import { resetConnection } from "../connections.ts";
import { disturbed, untilClosed } from "./disturbed.ts";
import type { Fault, ObjectFaultScript } from "./faults.ts";
import type { LoggedRequest, RequestLog } from "./request-log.ts";

/** Writes one exchange into the log, and lets the fault that is due for it strike. */
export class FollowedExchange implements ExchangeObserver {
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #faults: ObjectFaultScript;
  readonly #log: RequestLog;
  readonly #record: LoggedRequest;
  #fault: Fault | undefined;
  /** Set where a fault strikes: without one the server's own way out is the one under test. */
  answer?: (bytes: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    faults: ObjectFaultScript,
    log: RequestLog,
  ) {
    this.#message = message;
    this.#response = response;
    this.#faults = faults;
    this.#log = log;
    this.#record = log.open(message);
  }

  async begin(target: Parameters<NonNullable<ExchangeObserver["begin"]>>[0]): Promise<boolean> {
    this.#record.setTarget(target);
    const fault = this.#faults.take(this.#record);
    this.#fault = fault;
    if (fault) this.answer = (bytes) => disturbed(bytes, fault, this.#response);
    if (fault?.kind === "delay") await this.#faults.hold(fault.ms, untilClosed(this.#response));
    if (fault?.kind === "truncate") this.#response.setHeader("connection", "close");
    if (fault?.kind !== "status") return false;
    this.#answer(fault);
    return true;
  }

  async *request(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const fault = this.#fault;
    const cutAfter = fault?.kind === "reset" && fault.of === "request" ? (fault.afterBytes ?? 0) : undefined;
    const signal = fault?.kind === "slow" ? untilClosed(this.#response) : undefined;
    let received = 0;
    if (cutAfter === 0) this.#cut();
    for await (const chunk of bytes) {
      received += chunk.length;
      this.#record.addBytes(chunk.length);
      if (cutAfter !== undefined && received >= cutAfter) this.#cut();
      if (fault?.kind === "slow") {
        await sleep((chunk.length / fault.bytesPerSecond) * 1000, undefined, signal ? { signal } : {});
      }
      yield chunk;
    }
  }

  end(): void {
    this.#log.close(this.#record, this.#response);
  }

  #cut(): never {
    resetConnection(this.#message.socket);
    throw new Error("connection reset by a scripted fault");
  }

  #answer(fault: Fault & { readonly kind: "status" }): void {
    const response = this.#response;
    this.#message.resume();
    if (fault.retryAfter !== undefined) response.setHeader("retry-after", String(fault.retryAfter));
    const code = fault.code ?? (fault.status === 503 ? "SlowDown" : "InternalError");
    const document = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code} by a scripted fault</Message></Error>`;
    const body = this.#message.method === "HEAD" ? "" : (fault.body ?? document);
    response.writeHead(fault.status, {
      "content-type": fault.contentType ?? (fault.body === undefined ? "application/xml" : "text/html"),
      "content-length": Buffer.byteLength(fault.body ?? document),
    });
    response.end(body);
  }
}
