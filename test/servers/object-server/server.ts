import type { IncomingMessage, ServerResponse } from "node:http";
import {
  ObjectServer as DeskObjectServer,
  type ObjectServerOptions as DeskOptions,
  type ExchangeObserver,
} from "../../../desk/object-server/index.ts";
import { FollowedExchange } from "./exchange.ts";
import { type Fault, ObjectFaultScript } from "./faults.ts";
import { RequestLog, type RequestRecord } from "./request-log.ts";

export interface ObjectServerOptions extends DeskOptions {
  readonly faults?: readonly Fault[];
}

/** The desk's object server with a log of what it was asked and a script of what goes wrong. */
export class ObjectServer extends DeskObjectServer {
  readonly #faults = new ObjectFaultScript();
  readonly #log = new RequestLog();

  /** What was asked, in order of arrival: the last 100,000 requests at least. */
  get requests(): readonly RequestRecord[] {
    return this.#log.records;
  }

  /** Resolves to the first request, past or future, that the test accepts; it is asked at arrival and after the answer. */
  waitForRequest(accept: (record: RequestRecord) => boolean, signal?: AbortSignal): Promise<RequestRecord> {
    return this.#log.waitFor(accept, signal);
  }

  clearRequests(): void {
    this.#log.clear();
  }

  addFault(fault: Fault): void {
    this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** Forgets all faults, and lets go of the requests that one holds. */
  letGo(): void {
    this.#faults.letGo();
  }

  protected override observe(message: IncomingMessage, response: ServerResponse): ExchangeObserver {
    return new FollowedExchange(message, response, this.#faults, this.#log);
  }
}

/** Starts an S3-protocol server on a folder, as the desk's; with a log and with faults. */
export async function startObjectServer({
  faults = [],
  ...options
}: ObjectServerOptions): Promise<ObjectServer> {
  const server = await ObjectServer.start(options);
  for (const fault of faults) server.addFault(fault);
  return server;
}
