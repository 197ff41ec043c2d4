import type { BodyLimits } from "./answer-body.ts";
import { type ClientAuth, readClientAuth, type SecretRef } from "./client-auth.ts";
import { type ConnectionSettings, Connections } from "./connections.ts";
import { runHttp } from "./http-task.ts";
import type { HttpTemplate } from "./http-template.ts";
import type { Journal } from "./journal.ts";
import { Tokens } from "./oauth2.ts";
import type { NodeResult, Task } from "./task.ts";

export interface HttpSettings {
  readonly workflowUid: string;
  readonly userAgent: string;
  /** The longest silence where a template has no `timeoutSeconds`; 0: none. */
  readonly httpTimeoutMs: number;
  readonly limits: BodyLimits;
  readonly connections: ConnectionSettings;
  readonly readSecret: (name: string, key: string, signal: AbortSignal) => Promise<string>;
  readonly journal: Journal;
}

/** Executes HTTP templates; connections and tokens are shared among them. */
export class HttpExecutor implements Disposable {
  readonly #settings: HttpSettings;
  readonly #connections: Connections;
  readonly #tokens = new Tokens();

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.#connections = new Connections(settings.connections);
  }

  /** Failures are results. Throws only when `signal` tells to stop, or for our own mistakes. */
  async run(task: Task, signal: AbortSignal): Promise<NodeResult> {
    const { nodeId, template } = task;
    const { workflowUid, userAgent, limits, httpTimeoutMs } = this.#settings;
    const readSecret = (name: string, key: string) => this.#settings.readSecret(name, key, signal);
    const tools = {
      limits,
      defaultTimeoutMs: httpTimeoutMs,
      context: {
        idempotencyKey: `${workflowUid}-${nodeId}`,
        userAgent,
        readSecret,
        readAuthorization: () => this.#authorization(readClientAuth(task), readSecret, signal),
      },
      clientFor: (http: HttpTemplate) => this.#clientFor(http, readClientAuth(task), readSecret),
      onSend: () => this.#settings.journal.noteSent(nodeId),
    };
    return runHttp(template.http, tools, signal);
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }

  async #authorization(
    auth: ClientAuth | undefined,
    readSecret: ReadSecret,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (auth?.oauth2 === undefined) return undefined;
    const { tokenUrl, clientId, clientSecret, scopes } = auth.oauth2;
    const grant = {
      tokenUrl,
      clientId: (await readText(clientId, readSecret)).trim(),
      clientSecret: (await readText(clientSecret, readSecret)).trim(),
      scopes,
    };
    const clientFor = (url: URL) => this.#connections.clientFor(url, false, { insecureSkipVerify: false });
    return this.#tokens.authorization(grant, clientFor, signal);
  }

  async #clientFor(
    { url: home, insecureSkipVerify }: HttpTemplate,
    auth: ClientAuth | undefined,
    readSecret: ReadSecret,
  ) {
    const pair = auth?.certificate;
    const clientCert = pair && {
      certPem: await readText(pair.cert, readSecret),
      keyPem: await readText(pair.key, readSecret),
    };
    return (url: URL, isRepeatable: boolean) => {
      // The certificate is for the server that the template names, not for where that may send us.
      const isHome = URL.canParse(home) && new URL(home).origin === url.origin;
      const needs = { insecureSkipVerify, clientCert: isHome ? clientCert : undefined };
      return this.#connections.clientFor(url, isRepeatable, needs);
    };
  }
}

type ReadSecret = (name: string, key: string) => Promise<string>;

function readText({ name, key }: SecretRef, readSecret: ReadSecret): Promise<string> {
  return readSecret(name, key);
}
