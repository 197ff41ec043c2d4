import { connectGrpc, type GrpcChannel } from "../grpc/index.ts";
import { trustPublicRoots } from "../http/index.ts";
import type { TracingConfig } from "./config.ts";
import type { SpanTransport } from "./exporter.ts";

const method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** OTLP over gRPC: one connection, made with the first spans. */
export class GrpcTransport implements SpanTransport {
  readonly #config: TracingConfig;
  #channel: GrpcChannel | undefined;

  constructor(config: TracingConfig) {
    this.#config = config;
  }

  async send(request: Uint8Array, signal: AbortSignal): Promise<void> {
    const { headers, isCompressed } = this.#config;
    const channel = await this.#open(signal);
    const encoding = isCompressed ? { encoding: "gzip" as const } : {};
    await channel.unary(method, request, { metadata: headers, ...encoding }, signal);
  }

  [Symbol.dispose](): void {
    this.#channel?.[Symbol.dispose]();
  }

  async #open(signal: AbortSignal): Promise<GrpcChannel> {
    if (this.#channel?.isOpen) return this.#channel;
    const { url, caPem, clientCert } = this.#config;
    if (url.protocol === "https:" && caPem === undefined) trustPublicRoots();
    const tls = {
      ...(caPem === undefined ? {} : { ca: caPem }),
      ...(clientCert === undefined ? {} : { cert: clientCert.certPem, key: clientCert.keyPem }),
    };
    this.#channel = await connectGrpc({ url, tls }, signal);
    return this.#channel;
  }
}
