import { ExecutorError } from "../errors/index.ts";
import { readText } from "./body.ts";
import type { HttpClient } from "./client.ts";
import { payloadOf } from "./payload.ts";
import type { HttpResponse } from "./request.ts";
import type { Token } from "./token-source.ts";

/** A client-credentials grant (RFC 6749 section 4.4). */
export interface ClientCredentials {
  readonly tokenUrl: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Separated by blanks; empty: none. */
  readonly scope: string;
  readonly endpointParams?: readonly { readonly key: string; readonly value?: string }[];
}

const answerBytesMax = 1024 * 1024;
const stallTimeoutMs = 30_000;

/**
 * Asks the token server. The token is the value of an Authorization header. Throws Transient for 5xx and 429,
 * Unauthorized for other refusals and for answers that hold no token, and never quotes an answer.
 */
export async function fetchClientCredentials(
  grant: ClientCredentials,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token> {
  const { tokenUrl, clientId, clientSecret } = grant;
  const during = `oauth2: cannot fetch token from ${tokenUrl.origin}${tokenUrl.pathname}`;
  const basic = Buffer.from(`${encodeForm(clientId)}:${encodeForm(clientSecret)}`).toString("base64");
  let response = await ask(grant, { authorization: `Basic ${basic}` }, {}, http, signal);
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    // Some servers take the credentials in the body only; which ones cannot be known in advance.
    response.body.destroy();
    response = await ask(grant, {}, { client_id: clientId, client_secret: clientSecret }, http, signal);
  }
  const text = await readText(response.body, answerBytesMax, { during, stallTimeoutMs });
  if (response.status < 200 || response.status > 299) {
    const code = response.status >= 500 || response.status === 429 ? "Transient" : "Unauthorized";
    throw new ExecutorError(code, `${during}: ${response.status} ${response.statusText}`);
  }
  return readToken(text, response, during);
}

async function ask(
  { tokenUrl, scope, endpointParams = [] }: ClientCredentials,
  headers: Readonly<Record<string, string>>,
  credentials: Readonly<Record<string, string>>,
  http: HttpClient,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const form = new URLSearchParams({ grant_type: "client_credentials", ...credentials });
  if (scope !== "") form.set("scope", scope);
  for (const { key, value = "" } of endpointParams) form.append(key, value);
  const payload = payloadOf(Buffer.from(form.toString()));
  const fields = {
    ...headers,
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(payload.sizeBytes),
  };
  const { origin, pathname, search } = tokenUrl;
  return await http.request(
    { method: "POST", origin, path: pathname + search, headers: fields, payload },
    signal,
  );
}

interface Answer {
  readonly access_token?: unknown;
  readonly token_type?: unknown;
  readonly expires_in?: unknown;
}

function readToken(text: string, response: HttpResponse, during: string): Token {
  const answer = parseAnswer(text, response, during);
  const { access_token: token, token_type: type = "Bearer", expires_in: life = 0 } = answer;
  if (typeof token !== "string" || token === "") {
    throw new ExecutorError("Unauthorized", `${during}: the answer has no access_token`);
  }
  const lifeMs = Number(life) * 1000;
  return {
    token: `${/^bearer$/i.test(String(type)) ? "Bearer" : type} ${token}`,
    expiresAtMs: lifeMs > 0 ? Date.now() + lifeMs : Number.POSITIVE_INFINITY,
  };
}

function parseAnswer(text: string, { headers }: HttpResponse, during: string): Answer {
  // Old servers answer with a form; the reference tells by the type, too.
  if (/^(application\/x-www-form-urlencoded|text\/plain)\b/i.test(String(headers["content-type"] ?? ""))) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the answer, which may be a token in another form.
    throw new ExecutorError("Unauthorized", `${during}: the answer is not JSON`);
  }
  return typeof value === "object" && value !== null ? value : {};
}

/** RFC 6749 section 2.3.1: both are form-encoded before they are joined. */
function encodeForm(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}
