import { readFile } from "node:fs/promises";
import { ExecutorError, errorText } from "../../../errors/index.ts";
import type { HttpClient, Token } from "../../../http/index.ts";
import { askIdentity, askIdentityForJson, readBearer } from "../../identity-request.ts";
import { type KeyFile, scope, text, what } from "./identity.ts";

const source = "the external_account file";

/**
 * Workload identity federation: the token of another identity provider is exchanged at Google's STS (RFC 8693), and then,
 * where the file says so, for one of a service account. Tokens that lie in a file or come from a URL, which is what pods
 * have, take one request; AWS's and programs' are left to Google's library, which is loaded for those only.
 */
export async function federatedToken(
  key: KeyFile,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token<string>> {
  const from = (key.credential_source ?? {}) as CredentialSource;
  if (from.file === undefined && (from.url === undefined || from.environment_id !== undefined)) {
    return await libraryToken(key, signal);
  }
  const impersonation = key.service_account_impersonation_url;
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
    audience: text(key, "audience", source),
    subject_token_type: text(key, "subject_token_type", source),
    subject_token: await subjectToken(from, http, signal),
    // Impersonating takes more than the storage scope; the token that comes of it has no more.
    scope: impersonation === undefined ? scope : "https://www.googleapis.com/auth/cloud-platform",
  });
  const url = text(key, "token_url", source);
  const federated = readBearer(await askIdentityForJson(http, { what, url, form }, signal), what);
  if (impersonation === undefined) return federated;
  const question = {
    what,
    url: text(key, "service_account_impersonation_url", source),
    headers: { authorization: `Bearer ${federated.token}` },
    json: { scope: [scope], lifetime: "3600s" },
  };
  const { accessToken, expireTime } = await askIdentityForJson(http, question, signal);
  const seconds = (Date.parse(String(expireTime)) - Date.now()) / 1000;
  return readBearer({ access_token: accessToken, expires_in: seconds }, what);
}

interface CredentialSource {
  readonly file?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly environment_id?: string;
  readonly format?: { readonly type?: string; readonly subject_token_field_name?: string };
}

async function subjectToken(from: CredentialSource, http: HttpClient, signal: AbortSignal): Promise<string> {
  const { file, url = "", headers = {}, format } = from;
  const answer =
    file === undefined ? await askIdentity(http, { what, url, headers }, signal) : await readToken(file);
  if (format?.type !== "json") return answer.trim();
  try {
    const token = (JSON.parse(answer) as KeyFile)[format.subject_token_field_name ?? ""];
    if (typeof token === "string" && token !== "") return token;
  } catch {
    // Told below.
  }
  throw new ExecutorError("Unauthorized", `no ${what}: the subject token is not where ${source} says`);
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ExecutorError("Unauthorized", `no ${what}: ${errorText(cause)}`, { cause });
  }
}

async function libraryToken(key: KeyFile, signal: AbortSignal): Promise<Token<string>> {
  const { ExternalAccountClient } = await import("google-auth-library");
  try {
    const client = ExternalAccountClient.fromJSON({ ...key, scopes: [scope] } as never);
    const token = (await client?.getAccessToken())?.token;
    const expiresAtMs = client?.credentials.expiry_date ?? Date.now();
    signal.throwIfAborted();
    if (token) return { token, expiresAtMs };
  } catch (error) {
    signal.throwIfAborted();
    throw new ExecutorError("Unauthorized", `no ${what}: ${errorText(error)}`, { cause: error });
  }
  throw new ExecutorError("Unauthorized", `no ${what}: ${source} leads to no token`);
}
