import { fetchClientCredentials, type HttpClient, TokenSource } from "../http/index.ts";
import { parseUrl } from "./http-request.ts";

export interface Grant {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Separated by blanks. */
  readonly scopes: string;
}

const sourcesMax = 100;

/** Tokens of the client-credentials grant (RFC 6749 section 4.4), shared by all tasks with the same credentials. */
export class Tokens {
  readonly #sources = new Map<string, TokenSource>();

  /** The value of the Authorization header. */
  async authorization(
    grant: Grant,
    clientFor: (url: URL) => HttpClient,
    signal: AbortSignal,
  ): Promise<string> {
    const key = JSON.stringify(grant);
    const source = this.#sources.get(key) ?? open(grant, clientFor);
    // The newest at the end; what was not used for long goes first.
    this.#sources.delete(key);
    this.#sources.set(key, source);
    for (const oldest of this.#sources.keys()) {
      if (this.#sources.size <= sourcesMax) break;
      this.#sources.delete(oldest);
    }
    return await source.current(signal);
  }
}

function open(grant: Grant, clientFor: (url: URL) => HttpClient): TokenSource {
  const { clientId, clientSecret, scopes: scope } = grant;
  const tokenUrl = parseUrl(grant.tokenUrl);
  const credentials = { tokenUrl, clientId, clientSecret, scope };
  const fetch = (signal: AbortSignal) => fetchClientCredentials(credentials, clientFor(tokenUrl), signal);
  const during = `oauth2: cannot fetch token from ${tokenUrl.origin}${tokenUrl.pathname}`;
  return new TokenSource(fetch, { during, renewBeforeMs: 10_000 });
}
