import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { ExecutorError } from "../../../errors/index.ts";
import type { HttpClient, Token } from "../../../http/index.ts";
import { askIdentityForJson, readBearer } from "../../identity-request.ts";

/** A credentials file of Google's; what is in it is checked where it is used. */
export interface KeyFile {
  readonly type?: unknown;
  readonly [field: string]: unknown;
}

/** To read and write objects, as the reference asks for it. */
export const scope = "https://www.googleapis.com/auth/devstorage.read_write";
export const what = "Google Cloud credentials for the gcs location";

const tokenUri = "https://oauth2.googleapis.com/token";

/** A token for a service account's key: a JWT (RFC 7523), signed with RS256, is exchanged for it. */
export async function serviceAccountToken(
  key: KeyFile,
  source: string,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token<string>> {
  const url = key.token_uri === undefined ? tokenUri : text(key, "token_uri", source);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = {
    iss: text(key, "client_email", source),
    scope,
    aud: url,
    iat: nowSeconds,
    exp: nowSeconds + 3600,
  };
  const header = { alg: "RS256", typ: "JWT", kid: text(key, "private_key_id", source) };
  const signed = `${encode(header)}.${encode(claims)}`;
  const privateKey = readKey(text(key, "private_key", source), source);
  const signature = sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url");
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: `${signed}.${signature}`,
  });
  return readBearer(await askIdentityForJson(http, { what, url, form }, signal), what);
}

/** The token of a person who has logged in with gcloud. */
export async function refreshUserToken(
  key: KeyFile,
  source: string,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token<string>> {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: text(key, "client_id", source),
    client_secret: text(key, "client_secret", source),
    refresh_token: text(key, "refresh_token", source),
  });
  return readBearer(await askIdentityForJson(http, { what, url: tokenUri, form }, signal), what);
}

/** The service account of the node or, with Workload Identity, of the pod. */
export async function askMetadataServer(
  variables: Readonly<Record<string, string | undefined>>,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token<string>> {
  const host = variables.GCE_METADATA_HOST || "169.254.169.254";
  const query = `scopes=${encodeURIComponent(scope)}`;
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token?${query}`;
  const headers = { "metadata-flavor": "Google" };
  return readBearer(await askIdentityForJson(http, { what, url, headers }, signal), what);
}

/** A field that must be a text; its value is never named. */
export function text(key: KeyFile, field: string, source: string): string {
  const value = key[field];
  if (typeof value === "string" && value !== "") return value;
  throw new ExecutorError("BadRequest", `GCS client CredentialsFromJSONWithType: ${source} has no ${field}`);
}

function readKey(pem: string, source: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const text = `GCS client CredentialsFromJSONWithType: private_key of ${source} is not a private key in PEM`;
    throw new ExecutorError("BadRequest", text, { cause });
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
