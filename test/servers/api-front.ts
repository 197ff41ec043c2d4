import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request as forward, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { ApiRefusal, failure, readApiPath, refuse } from "../../desk/api-server/index.ts";
import { FollowedApiExchange } from "./api-server/exchange.ts";
import { ApiFaultScript } from "./api-server/faults.ts";
import type { ApiFault, ApiRequestRecord, Certificate } from "./api-server/index.ts";
import { RequestLog } from "./api-server/request-log.ts";

export interface ApiFrontOptions {
  /** The server behind; its port is the one for https. */
  readonly target: { readonly host: string; readonly port: number };
  /** The authority of the server behind, PEM. */
  readonly ca: string;
  /** What clients of 127.0.0.1 see, from an authority that they trust. */
  readonly certificate: Certificate;
}

/** In front of a real API server, with the log and the script of faults of our own one; credentials are passed on. */
export class ApiFront implements AsyncDisposable {
  readonly port: number;
  readonly #options: ApiFrontOptions;
  readonly #listener: Server;
  readonly #faults = new ApiFaultScript();
  readonly #log = new RequestLog();

  private constructor(listener: Server, options: ApiFrontOptions) {
    this.#listener = listener;
    this.#options = options;
    this.port = (listener.address() as AddressInfo).port;
    listener.on("request", (message, response) => void this.#serve(message, response));
  }

  static async start(options: ApiFrontOptions): Promise<ApiFront> {
    const listener = createServer({ ...options.certificate });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new ApiFront(listener, options);
  }

  /** Requests in order of arrival. */
  get requests(): readonly ApiRequestRecord[] {
    return this.#log.records;
  }

  waitForRequest(
    accept: (record: ApiRequestRecord) => boolean,
    signal?: AbortSignal,
  ): Promise<ApiRequestRecord> {
    return this.#log.waitFor(accept, signal);
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

  /** Refuses connections from now on, and cuts those that are open. */
  async pause(): Promise<void> {
    if (!this.#listener.listening) return;
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.#listener.closeAllConnections();
    await closed;
  }

  /** Listens again, on the same port. */
  async resume(): Promise<void> {
    this.#listener.listen(this.port, "127.0.0.1");
    await once(this.#listener, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pause();
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(message.url ?? "/", "https://localhost");
    const observer = new FollowedApiExchange({ message, response, url }, this.#faults, this.#log);
    try {
      const request = readApiPath(message.method ?? "GET", url);
      if (request && (await observer.begin(request))) return;
      const body = await text(message);
      if (request && observer.beforeWork(body)) return;
      const answer = await this.#ask(message, body);
      if (request && observer.afterWork()) return;
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      await pipeline(answer, response);
    } catch (error) {
      if (message.socket.destroyed || response.headersSent) response.destroy();
      else refuse(response, new ApiRefusal(failure(502, "BadGateway", String(error))));
    } finally {
      observer.end();
    }
  }

  async #ask({ method, url, headers }: IncomingMessage, body: string): Promise<IncomingMessage> {
    const { "transfer-encoding": _, ...passed } = headers;
    const sent = { ...passed, "content-length": String(Buffer.byteLength(body)) };
    const { target, ca } = this.#options;
    const request = forward({ ...target, method, path: url, headers: sent, ca, agent: false });
    request.end(body);
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    return answer;
  }
}
