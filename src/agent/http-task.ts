import { errorText } from "../errors/index.ts";
import { type ConnectionSettings, Connections } from "./connections.ts";
import { CredentialReader, type ReadSecret } from "./credentials.ts";
import { type ExchangeLimits, exchange } from "./exchange.ts";
import { prepareRequest } from "./http-request.ts";
import { readHttpTemplate } from "./http-template.ts";
import type { Journal } from "./journal.ts";
import { judge } from "./judge.ts";
import type { NodeResult, Task } from "./tasks.ts";

export interface HttpSettings {
  readonly workflowUid: string;
  readonly userAgent: string;
  readonly limits: ExchangeLimits;
  readonly connections: ConnectionSettings;
  readonly readSecret: ReadSecret;
  /** Told before the first byte of a request that must not be repeated unasked. */
  readonly journal: Journal;
}

/** Executes HTTP templates; connections and tokens are shared among them. */
export class HttpTasks implements Disposable {
  readonly #settings: HttpSettings;
  readonly #connections: Connections;
  readonly #credentials: CredentialReader;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.#connections = new Connections(settings.connections);
    this.#credentials = new CredentialReader(settings.readSecret, this.#connections);
  }

  /**
   * One request, no retries (docs/contract/roles.md#1.8). Failures are results. Throws only when `signal` tells to
   * stop.
   */
  async run({ nodeId, template: written }: Task, signal: AbortSignal): Promise<NodeResult> {
    const { workflowUid, userAgent, limits, journal } = this.#settings;
    try {
      const template = readHttpTemplate(written);
      const credentials = await this.#credentials.read(template, signal);
      const idempotencyKey = `${workflowUid}-${nodeId}`;
      const request = prepareRequest(template, credentials, { idempotencyKey, userAgent });
      if (!request.isRepeatable) journal.noteSent(nodeId);
      const answer = await exchange(request, this.#connections, limits, signal);
      return await judge(template, answer);
    } catch (error) {
      signal.throwIfAborted();
      return { phase: "Failed", message: errorText(error) };
    }
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}
