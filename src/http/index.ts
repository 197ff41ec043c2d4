export { type BodyOptions, discardBody, readBody, readText } from "./body.ts";
export { appendTo, type ByteSink } from "./byte-sink.ts";
export {
  HttpClient,
  type HttpClientOptions,
  type HttpRequest,
  type HttpResponse,
  type ProxySettings,
} from "./client.ts";
export type { DirectAnswer } from "./direct-get.ts";
export { translateNetworkError } from "./errors.ts";
export { isPayloadStream, type MemoryPayload, type Payload, payloadOf } from "./payload.ts";
export { type ProxyBypass, parseNoProxy } from "./proxy-bypass.ts";
export { type RootSources, readRoots } from "./roots.ts";
