export { type BodyOptions, discardBody, readBody, readText } from "./body.ts";
export { HttpClient, type HttpClientOptions } from "./client.ts";
export { type ClientCredentials, fetchClientCredentials } from "./client-credentials.ts";
export { translateNetworkError } from "./errors.ts";
export {
  isPayloadStream,
  type KnownDigests,
  type MemoryPayload,
  type Payload,
  payloadOf,
} from "./payload.ts";
export { type ProxyBypass, parseNoProxy } from "./proxy-bypass.ts";
export { followRedirects, type Hop, type HopField, type RedirectRules } from "./redirects.ts";
export type { HttpRequest, HttpResponse, Received } from "./request.ts";
export type { RequestHeaders } from "./request-head.ts";
export { type RootSources, readRoots, trustPublicRoots } from "./roots.ts";
export type { ProxySettings } from "./routes.ts";
export { type FetchToken, type Token, TokenSource, type TokenSourceOptions } from "./token-source.ts";
