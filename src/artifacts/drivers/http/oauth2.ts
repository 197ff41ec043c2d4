import { ExecutorError } from "../../../errors/index.ts";
import { type HttpClient, type HttpResponse, payloadOf, readText } from "../../../http/index.ts";
import { type OAuth2Config, redact } from "./config.ts";

const answerMaxBytes = 1024 * 1024;
const stallTimeoutMs = 30_000;
/** A token is renewed this long before it expires. */
const renewBeforeMs = 10_000;

/** Tokens of the client-credentials grant (RFC 6749 section 4.4), kept until they expire. */
export class TokenSource {
  readonly #config: OAuth2Config;
  readonly #http: HttpClient;
  #known: { readonly authorization: string; readonly expiresMs: number } | undefined;

  constructor(config: OAuth2Config, http: HttpClient) {
    this.#config = config;
    this.#http = http;
  }

  /** The value of the Authorization header. */
  async authorization(signal: AbortSignal): Promise<string> {
    if (this.#known === undefined || this.#known.expiresMs - Date.now() < renewBeforeMs) {
      this.#known = await this.#fetch(signal);
    }
    return this.#known.authorization;
  }

  async #fetch(signal: AbortSignal) {
    const { clientId, clientSecret } = this.#config;
    const basic = Buffer.from(`${encodeForm(clientId)}:${encodeForm(clientSecret)}`).toString("base64");
    let response = await this.#ask({ authorization: `Basic ${basic}` }, {}, signal);
    if (response.status >= 400 && response.status < 500) {
      // Some servers take the credentials in the body only; which ones cannot be known in advance.
      response.body.destroy();
      response = await this.#ask({}, { client_id: clientId, client_secret: clientSecret }, signal);
    }
    return await this.#read(response);
  }

  async #ask(
    headers: Readonly<Record<string, string>>,
    credentials: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const { tokenUrl, scopes, endpointParams } = this.#config;
    const form = new URLSearchParams({ grant_type: "client_credentials", ...credentials });
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    for (const { key, value = "" } of endpointParams) form.append(key, value);
    const { origin, pathname, search } = new URL(tokenUrl);
    const payload = payloadOf(Buffer.from(form.toString()));
    return await this.#http.request(
      {
        method: "POST",
        origin,
        path: pathname + search,
        headers: {
          ...headers,
          "content-type": "application/x-www-form-urlencoded",
          "content-length": String(payload.sizeBytes),
        },
        payload,
      },
      signal,
    );
  }

  async #read(response: HttpResponse) {
    const where = `the token URL ${redact(this.#config.tokenUrl)}`;
    const text = await readText(response.body, answerMaxBytes, { during: where, stallTimeoutMs });
    if (response.status < 200 || response.status > 299) {
      const code = response.status >= 500 || response.status === 429 ? "Transient" : "Unauthorized";
      throw new ExecutorError(
        code,
        `oauth2: cannot fetch token: ${response.status} ${response.statusText} from ${where}`,
      );
    }
    const token = parseToken(text);
    if (token.access_token === undefined || token.access_token === "") {
      throw new ExecutorError("Unauthorized", `oauth2: server response missing access_token, from ${where}`);
    }
    const lifeMs = Number(token.expires_in ?? 0) * 1000;
    const type = token.token_type ?? "Bearer";
    return {
      authorization: `${/^bearer$/i.test(type) ? "Bearer" : type} ${token.access_token}`,
      expiresMs: lifeMs > 0 ? Date.now() + lifeMs : Number.POSITIVE_INFINITY,
    };
  }
}

interface Token {
  readonly access_token?: string;
  readonly token_type?: string;
  readonly expires_in?: number | string;
}

function parseToken(text: string): Token {
  try {
    const token: unknown = JSON.parse(text);
    return typeof token === "object" && token !== null ? token : {};
  } catch {
    // Old servers answer with a form.
    return Object.fromEntries(new URLSearchParams(text));
  }
}

function encodeForm(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}
