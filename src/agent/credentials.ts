import { ExecutorError } from "../errors/index.ts";
import { fetchClientCredentials, TokenSource } from "../http/index.ts";
import type { Connections } from "./connections.ts";
import { type Credentials, canonicalName, parseUrl } from "./http-request.ts";
import type { ClientAuth, HttpTemplate, SecretRef } from "./http-template.ts";

export type ReadSecret = (name: string, key: string, signal: AbortSignal) => Promise<string>;

const tokenSourcesMax = 100;

/** Reads Secrets for templates, and gets tokens, which tasks with the same credentials share. */
export class CredentialReader {
  readonly #readSecret: ReadSecret;
  readonly #connections: Connections;
  readonly #tokens = new Map<string, TokenSource>();

  constructor(readSecret: ReadSecret, connections: Connections) {
    this.#readSecret = readSecret;
    this.#connections = connections;
  }

  /** Throws what the node's message shall say. */
  async read({ headers, auth }: HttpTemplate, signal: AbortSignal): Promise<Credentials> {
    const headerValues: string[] = [];
    for (const { value, secret } of headers) {
      headerValues.push(secret === undefined ? value : await this.#text(secret, signal));
    }
    const hasOwn = headers.some(({ name }) => canonicalName(name) === "Authorization");
    const pair = auth?.certificate;
    return {
      headerValues,
      authorization: auth?.oauth2 && !hasOwn ? await this.#authorization(auth.oauth2, signal) : undefined,
      clientCert: pair && {
        certPem: await this.#text(pair.cert, signal),
        keyPem: await this.#text(pair.key, signal),
      },
    };
  }

  #text({ name, key }: SecretRef, signal: AbortSignal): Promise<string> {
    return this.#readSecret(name, key, signal);
  }

  /** By the client-credentials grant (RFC 6749 section 4.4). */
  async #authorization(grant: NonNullable<ClientAuth["oauth2"]>, signal: AbortSignal): Promise<string> {
    const credentials = {
      tokenUrl: parseTokenUrl(grant.tokenUrl),
      clientId: (await this.#text(grant.clientId, signal)).trim(),
      clientSecret: (await this.#text(grant.clientSecret, signal)).trim(),
      scope: grant.scopes,
    };
    const key = JSON.stringify(credentials);
    const source = this.#tokens.get(key) ?? this.#openSource(credentials);
    // The newest at the end; what was not used for long goes first.
    this.#tokens.delete(key);
    this.#tokens.set(key, source);
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= tokenSourcesMax) break;
      this.#tokens.delete(oldest);
    }
    return await source.current(signal);
  }

  #openSource(credentials: Parameters<typeof fetchClientCredentials>[0]): TokenSource {
    const { tokenUrl } = credentials;
    const client = this.#connections.clientFor(tokenUrl, false, { insecureSkipVerify: false });
    const fetch = (signal: AbortSignal) => fetchClientCredentials(credentials, client, signal);
    const during = `oauth2: cannot fetch token from ${tokenUrl.origin}${tokenUrl.pathname}`;
    return new TokenSource(fetch, { during, renewBeforeMs: 10_000 });
  }
}

function parseTokenUrl(text: string): URL {
  try {
    return parseUrl(text);
  } catch (error) {
    throw ExecutorError.wrap(error, "oauth2: the token URL");
  }
}
