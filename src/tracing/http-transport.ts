import { ExecutorError } from "../errors/index.ts";
import { HttpClient, type ProxySettings, payloadOf } from "../http/index.ts";
import { parseRetryAfter } from "../retry/index.ts";
import type { TracingConfig } from "./config.ts";
import type { SpanTransport } from "./exporter.ts";

/** Answers after which the same may be sent again (OTLP specification, "Retryable Response Codes"). */
const retryableStatuses = [429, 502, 503, 504];

/** OTLP over HTTP, in protobuf. */
export class HttpTransport implements SpanTransport {
  readonly #config: TracingConfig;
  readonly #client: HttpClient;

  constructor(config: TracingConfig, proxy: ProxySettings) {
    this.#config = config;
    this.#client = new HttpClient({ caPem: config.caPem, clientCert: config.clientCert, proxy });
  }

  async send(request: Uint8Array, signal: AbortSignal): Promise<void> {
    const { url, headers, isCompressed } = this.#config;
    const payload = payloadOf(Buffer.from(request));
    const response = await this.#client.request(
      {
        method: "POST",
        origin: url.origin,
        path: url.pathname + url.search,
        headers: {
          ...basicAuthorization(url),
          ...headers,
          "content-type": "application/x-protobuf",
          "content-length": String(request.byteLength),
          "user-agent": "outrider",
          ...(isCompressed ? { "content-encoding": "gzip" } : {}),
        },
        payload,
      },
      signal,
    );
    response.body.resume();
    const { status, headers: answered } = response;
    if (status >= 200 && status < 300) return;
    const code = retryableStatuses.includes(status) ? "Transient" : "BadRequest";
    throw new ExecutorError(code, `the collector answered with status ${status}`, {
      retryAfterMs: parseRetryAfter(answered["retry-after"]),
    });
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

function basicAuthorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
