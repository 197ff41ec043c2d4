import { ExecutorError } from "../errors/index.ts";
import { type HttpClient, payloadOf, readText } from "../http/index.ts";
import { parseUrl } from "./http-request.ts";

export interface Grant {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Separated by blanks. */
  readonly scopes: string;
}

interface Token {
  readonly authorization: string;
  readonly expiresMs: number;
}

const answerBytesMax = 64 * 1024;
const stallTimeoutMs = 30_000;
/** A token is renewed this long before it expires. */
const renewBeforeMs = 10_000;
const tokensMax = 100;

/** Tokens of the client-credentials grant (RFC 6749 section 4.4), shared by all tasks with the same credentials. */
export class Tokens {
  readonly #tokens = new Map<string, Promise<Token>>();

  /** The value of the Authorization header. */
  async authorization(
    grant: Grant,
    clientFor: (url: URL) => HttpClient,
    signal: AbortSignal,
  ): Promise<string> {
    const key = JSON.stringify(grant);
    const known = await this.#tokens.get(key)?.catch(() => undefined);
    if (known !== undefined && known.expiresMs - Date.now() > renewBeforeMs) return known.authorization;
    const fetched = fetchToken(grant, clientFor, signal);
    this.#tokens.set(key, fetched);
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= tokensMax) break;
      this.#tokens.delete(oldest);
    }
    return (await fetched).authorization;
  }
}

async function fetchToken(
  { tokenUrl, clientId, clientSecret, scopes }: Grant,
  clientFor: (url: URL) => HttpClient,
  signal: AbortSignal,
): Promise<Token> {
  const url = parseUrl(tokenUrl);
  const during = `oauth2: cannot fetch token from ${url.origin}${url.pathname}`;
  const form = new URLSearchParams({ grant_type: "client_credentials", ...(scopes && { scope: scopes }) });
  const payload = payloadOf(Buffer.from(form.toString()));
  const response = await clientFor(url).request(
    {
      method: "POST",
      origin: url.origin,
      path: url.pathname + url.search,
      headers: {
        authorization: `Basic ${Buffer.from(`${encodeForm(clientId)}:${encodeForm(clientSecret)}`).toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
        "content-length": String(payload.sizeBytes),
      },
      payload,
    },
    signal,
  );
  const text = await readText(response.body, answerBytesMax, { during, stallTimeoutMs });
  if (response.status !== 200) {
    throw new ExecutorError("Unauthorized", `${during}: ${response.status} ${response.statusText}`);
  }
  return readToken(text, during);
}

function readToken(text: string, during: string): Token {
  let answer: { readonly access_token?: unknown; readonly expires_in?: unknown } | null;
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    // The parser's message quotes the answer, which may be a token in another form.
    throw new ExecutorError("Unauthorized", `${during}: the answer is not JSON`);
  }
  const token = answer?.access_token;
  if (typeof token !== "string" || token === "") {
    throw new ExecutorError("Unauthorized", `${during}: the answer has no access_token`);
  }
  const lifeMs = Number(answer?.expires_in ?? 0) * 1000;
  return {
    authorization: `Bearer ${token}`,
    expiresMs: lifeMs > 0 ? Date.now() + lifeMs : Number.POSITIVE_INFINITY,
  };
}

/** RFC 6749 section 2.3.1: both are form-encoded before they are joined. */
function encodeForm(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}
