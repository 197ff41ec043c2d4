import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type ApiExchangeObserver,
  ApiRefusal,
  type ApiRequest,
  failure,
  refuse,
  sendJson,
} from "../../../desk/api-server/index.ts";
import { resetConnection } from "../connections.ts";
import type { ApiFault, ApiFaultScript } from "./faults.ts";
import type { LoggedRequest, RequestLog } from "./request-log.ts";

/** Writes one exchange into the log, and lets the fault that is due for it strike. */
export class FollowedApiExchange implements ApiExchangeObserver {
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #faults: ApiFaultScript;
  readonly #log: RequestLog;
  readonly #record: LoggedRequest;
  #fault: ApiFault | undefined;

  constructor(
    exchange: { readonly message: IncomingMessage; readonly response: ServerResponse; readonly url: URL },
    faults: ApiFaultScript,
    log: RequestLog,
  ) {
    this.#message = exchange.message;
    this.#response = exchange.response;
    this.#faults = faults;
    this.#log = log;
    this.#record = log.open(this.#message.method ?? "GET", exchange.url, this.#message.headers);
  }

  async begin(request: ApiRequest): Promise<boolean> {
    const fault = this.#faults.take(request);
    this.#fault = fault;
    if (fault?.kind === "delay") await this.#faults.hold(fault.ms, untilClosed(this.#response));
    if (fault?.kind !== "drop" || fault.afterWork) return false;
    resetConnection(this.#message.socket);
    return true;
  }

  beforeWork(body: string): boolean {
    this.#record.body = body;
    this.#log.changed(this.#record);
    if (this.#fault?.kind !== "status") return false;
    sendFault(this.#response, this.#fault);
    return true;
  }

  afterWork(): boolean {
    if (this.#fault?.kind !== "drop") return false;
    resetConnection(this.#message.socket);
    return true;
  }

  watch(sent: number): "close" | "expire" | undefined {
    this.#record.status = 200;
    const fault = this.#fault;
    if (fault?.kind !== "close-watch" && fault?.kind !== "expire-watch") return undefined;
    if (sent < (fault.afterEvents ?? 0)) return undefined;
    return fault.kind === "close-watch" ? "close" : "expire";
  }

  end(): void {
    this.#record.status = this.#response.headersSent ? this.#response.statusCode : undefined;
    this.#record.isDone = true;
    this.#log.changed(this.#record);
  }
}

/** Aborts if the client leaves or the server closes. */
function untilClosed(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}

const reasons: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  413: "RequestEntityTooLarge",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function sendFault(response: ServerResponse, fault: ApiFault & { readonly kind: "status" }): void {
  const { status, body, retryAfterSeconds } = fault;
  if (body !== undefined) {
    if (retryAfterSeconds !== undefined) response.setHeader("retry-after", retryAfterSeconds);
    sendJson(response, status, body);
    return;
  }
  const reason = fault.reason ?? reasons[status];
  const message = fault.message ?? `${reason} by a scripted fault`;
  refuse(response, new ApiRefusal(failure(status, reason, message), retryAfterSeconds));
}
