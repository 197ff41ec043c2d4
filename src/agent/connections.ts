import type { LookupAddress, LookupOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import { HttpClient, type ProxySettings } from "../http/index.ts";

/** What a template asks of its connections. */
export interface ConnectionNeeds {
  readonly insecureSkipVerify: boolean;
  readonly clientCert?: { readonly certPem: string; readonly keyPem: string } | undefined;
}

export interface ConnectionSettings {
  readonly proxy: ProxySettings;
  /** PEM of all roots; undefined: Node's own. Read when the first https request needs them. */
  readonly readRoots: () => string | undefined;
}

/** The reference's limit for name look-up, connection and handshake (docs/contract/roles.md#1.8). */
const connectTimeoutMs = 30_000;

const remedies = {
  Untrusted:
    "add the issuing CA to a Secret named argo-workflows-agent-ca-certificates, or set SSL_CERT_FILE",
};

/** The clients of all tasks: one for each kind of connection, made when it is first needed. */
export class Connections implements Disposable {
  readonly #settings: ConnectionSettings;
  readonly #clients = new Map<string, HttpClient>();
  readonly #lookup = sharedLookup();
  #roots: { readonly pem: string | undefined } | undefined;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  /**
   * The client for a target. Requests that must not be repeated get a connection of their own: on a kept one, a server
   * that closes it at this moment leaves open whether it saw the request.
   */
  clientFor(url: URL, isRepeatable: boolean, needs: ConnectionNeeds): HttpClient {
    const isTls = url.protocol === "https:";
    const { insecureSkipVerify, clientCert } = needs;
    const key = JSON.stringify([isTls, isRepeatable, isTls && insecureSkipVerify, isTls && clientCert]);
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = new HttpClient({
        proxy: this.#settings.proxy,
        caPem: isTls ? this.#readRoots() : undefined,
        clientCert: isTls ? clientCert : undefined,
        insecureSkipVerify,
        keepsConnections: isRepeatable,
        lookup: this.#lookup,
        connectTimeoutMs,
        // The task has a deadline of its own.
        idleTimeoutMs: 0,
        speaksHttp2: true,
        remedies,
      });
      this.#clients.set(key, client);
    }
    return client;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client[Symbol.dispose]();
  }

  #readRoots(): string | undefined {
    this.#roots ??= { pem: this.#settings.readRoots() };
    return this.#roots.pem;
  }
}

/** Go on with an answer for so long: a thousand requests to one server ask once. */
const keepMs = 5_000;
const namesMax = 1_000;

type Answer = Promise<LookupAddress[]>;

/**
 * Looks names up with the system's resolver, each name once at a time. The resolver has four threads for the whole
 * process; a name server that does not answer for one name would hold all of them, and every other task with them.
 */
export function sharedLookup(): LookupFunction {
  const answers = new Map<string, Answer>();

  function ask(hostname: string, options: LookupOptions): Answer {
    const key = `${options.family ?? 0} ${options.hints ?? 0} ${hostname}`;
    const known = answers.get(key);
    if (known !== undefined) return known;
    const { lookup } = process.getBuiltinModule("node:dns").promises;
    const answer = lookup(hostname, { ...options, all: true });
    answers.set(key, answer);
    const forget = () => answers.get(key) === answer && answers.delete(key);
    // What failed is asked again by the next one.
    answer.then(() => setTimeout(forget, keepMs).unref(), forget);
    if (answers.size > namesMax) answers.clear();
    return answer;
  }

  return (hostname, options, callback) => {
    ask(hostname, options).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, addresses);
        else callback(null, first?.address ?? "", first?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, options.all ? [] : ""),
    );
  };
}
