import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { ExecutorError, errorText } from "../errors/index.ts";
import { exponential, retry } from "../retry/index.ts";
import type { TracingConfig } from "./config.ts";

/** Sends an encoded request. Throws Transient for what may be sent again. */
export interface SpanTransport extends Disposable {
  send(request: Uint8Array, signal: AbortSignal): Promise<void>;
}

export interface TracingLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

type Encode = (spans: ReadableSpan[]) => Uint8Array | undefined;
type Done = Parameters<SpanExporter["export"]>[1];

/** As the specification of OTLP asks: retried with growing pauses, within the export's time. */
const policy = exponential({ attempts: 6, durationMs: 200, factor: 2, jitter: 0.5 });
const codes = { success: 0, failed: 1 } as const;

/** Exports spans in the background. What cannot be sent is lost, and is said once: no pod fails for its traces. */
export class OtlpExporter implements SpanExporter {
  readonly #config: TracingConfig;
  readonly #encode: Encode;
  readonly #transport: SpanTransport;
  readonly #log: TracingLog;
  readonly #stop = new AbortController();
  readonly #pending = new Set<Promise<void>>();
  #hasFailed = false;

  constructor(config: TracingConfig, encode: Encode, transport: SpanTransport, log: TracingLog) {
    this.#config = config;
    this.#encode = encode;
    this.#transport = transport;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Done): void {
    const sending = this.#send(spans).then(
      () => done({ code: codes.success }),
      (error: Error) => {
        this.#note(error, spans.length);
        done({ code: codes.failed, error });
      },
    );
    this.#pending.add(sending);
    void sending.then(() => this.#pending.delete(sending));
  }

  /** Resolves when everything that was handed over is sent, or lost. */
  async forceFlush(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    this.abandon();
  }

  /** Gives up what is on its way. */
  abandon(): void {
    if (this.#pending.size > 0) {
      const endpoint = this.#config.url.host;
      this.#log.warn({ endpoint }, "the collector has not answered by the end: the last spans may be lost");
    }
    this.#hasFailed = true;
    this.#stop.abort();
    this.#transport[Symbol.dispose]();
  }

  async #send(spans: ReadableSpan[]): Promise<void> {
    const encoded = this.#encode(spans);
    if (encoded === undefined) throw new ExecutorError("Internal", "the spans cannot be encoded");
    const request = this.#config.isCompressed ? await compress(encoded) : encoded;
    const deadline = AbortSignal.timeout(this.#config.timeoutMs);
    const either = AbortSignal.any([deadline, this.#stop.signal]);
    try {
      await retry(policy, () => this.#transport.send(request, either), either);
    } catch (error) {
      if (deadline.aborted)
        throw new ExecutorError("Timeout", `no answer within ${this.#config.timeoutMs} ms`);
      throw error;
    }
  }

  #note(error: Error, spans: number): void {
    // Neither headers nor what stands in front of the host: both may hold secrets.
    const fields = { error: errorText(error), spans, endpoint: this.#config.url.host };
    if (this.#hasFailed) this.#log.debug(fields, "spans lost");
    else this.#log.warn(fields, "spans could not be exported; more of this is in the debug log");
    this.#hasFailed = true;
  }
}

async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  const { gzip } = await import("node:zlib");
  return new Promise((resolve, reject) => {
    gzip(bytes, (error, packed) => (error ? reject(error) : resolve(packed)));
  });
}
