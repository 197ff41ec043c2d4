import { fetchClientCredentials, type HttpClient, TokenSource } from "../../../http/index.ts";
import { type OAuth2Config, redact } from "./config.ts";

/** Tokens for an http location (docs/contract/artifacts.md#5.6), kept until they expire. */
export function openTokens(config: OAuth2Config, http: HttpClient): TokenSource {
  const { clientId, clientSecret, scopes, endpointParams } = config;
  const tokenUrl = new URL(config.tokenUrl);
  const grant = { tokenUrl, clientId, clientSecret, scope: scopes.join(" "), endpointParams };
  return new TokenSource((signal) => fetchClientCredentials(grant, http, signal), {
    during: `oauth2: cannot fetch token from ${redact(config.tokenUrl)}`,
    renewBeforeMs: 10_000,
  });
}
