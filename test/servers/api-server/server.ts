import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type ApiExchangeObserver,
  ApiServer as DeskApiServer,
  type ApiServerOptions as DeskOptions,
} from "../../../desk/api-server/index.ts";
import { FollowedApiExchange } from "./exchange.ts";
import { type ApiFault, ApiFaultScript } from "./faults.ts";
import { type ApiRequestRecord, RequestLog } from "./request-log.ts";

export interface ApiServerOptions extends DeskOptions {
  readonly faults?: readonly ApiFault[];
}

/** The desk's API server with a log of what it was asked and a script of what goes wrong. */
export class ApiServer extends DeskApiServer {
  readonly #faults = new ApiFaultScript();
  readonly #log = new RequestLog();

  /** Requests in order of arrival. */
  get requests(): readonly ApiRequestRecord[] {
    return this.#log.records;
  }

  /** Resolves to the first request, past or future, that the test accepts; asked at arrival, with the body, at the end. */
  waitForRequest(
    accept: (record: ApiRequestRecord) => boolean,
    signal?: AbortSignal,
  ): Promise<ApiRequestRecord> {
    return this.#log.waitFor(accept, signal);
  }

  clearRequests(): void {
    this.#log.records.length = 0;
  }

  addFault(fault: ApiFault): void {
    this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** Forgets all faults, and lets go of the requests that one holds. */
  letGo(): void {
    this.#faults.letGo();
  }

  protected override observe(
    message: IncomingMessage,
    response: ServerResponse,
    url: URL,
  ): ApiExchangeObserver {
    return new FollowedApiExchange({ message, response, url }, this.#faults, this.#log);
  }
}

/** Starts a Kubernetes-style API server. Rejects if the port is taken. */
export async function startApiServer({ faults = [], ...options }: ApiServerOptions = {}): Promise<ApiServer> {
  const server = await ApiServer.start(options);
  for (const fault of faults) server.addFault(fault);
  return server;
}
