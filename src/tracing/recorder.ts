import { AsyncLocalStorage } from "node:async_hooks";
import type { Context, Span, SpanContext, Tracer } from "@opentelemetry/api";
import { errorCode, errorText } from "../errors/index.ts";
import { type Attributes, type NamedSpan, type Recorder, type SpanOptions, transferBytes } from "./span.ts";
import { formatTraceParent } from "./trace-parent.ts";

type Api = Pick<typeof import("./vendor.ts"), "ROOT_CONTEXT" | "SpanKind" | "SpanStatusCode" | "trace">;

/** Where work runs: inside this span, which counts for it. */
interface Scope {
  readonly context: SpanContext;
  readonly counters: Map<string, number>;
  readonly outer: Scope | undefined;
}

const transferRate = "transfer.bytes_per_second";

/** Records spans with OpenTelemetry; which span is around a piece of work follows its promises. */
export class OtelRecorder implements Recorder {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #traceState: string | undefined;
  readonly #scopes = new AsyncLocalStorage<Scope>();
  /** What is outside of every span of ours: the controller's. */
  readonly #remote: SpanContext | undefined;

  constructor(api: Api, tracer: Tracer, remote: SpanContext | undefined, traceState: string | undefined) {
    this.#api = api;
    this.#tracer = tracer;
    this.#remote = remote;
    this.#traceState = traceState;
  }

  async span<T>(
    name: string,
    attributes: Attributes,
    work: (span: NamedSpan) => Promise<T>,
    { isClient = false }: SpanOptions,
  ): Promise<T> {
    const { SpanKind } = this.#api;
    const kind = isClient ? SpanKind.CLIENT : SpanKind.INTERNAL;
    const span = this.#tracer.startSpan(name, { kind, attributes: { ...attributes } }, this.#around());
    const startMs = performance.now();
    const scope = this.#scope(span.spanContext());
    try {
      return await this.#scopes.run(scope, () => work(namedSpan(span)));
    } catch (error) {
      this.#noteError(span, error);
      throw error;
    } finally {
      for (const [counter, value] of scope.counters) span.setAttribute(counter, value);
      const bytes = scope.counters.get(transferBytes);
      const seconds = (performance.now() - startMs) / 1000;
      if (bytes !== undefined) span.setAttribute(transferRate, Math.round(bytes / seconds));
      span.end();
    }
  }

  /** Runs work as if in this span, which is recorded elsewhere or later. */
  within<T>(context: SpanContext, work: () => Promise<T>): Promise<T> {
    return this.#scopes.run(this.#scope(context), work);
  }

  /** A span that is over already, inside the span around us. */
  past(name: string, attributes: Attributes, startMs: number, endMs: number): void {
    const options = { attributes: { ...attributes }, startTime: startMs };
    this.#tracer.startSpan(name, options, this.#around()).end(Math.max(startMs, endMs));
  }

  count(name: string, by: number): void {
    for (let scope = this.#scopes.getStore(); scope !== undefined; scope = scope.outer) {
      scope.counters.set(name, (scope.counters.get(name) ?? 0) + by);
    }
  }

  headers(): Readonly<Record<string, string>> {
    const context = this.#scopes.getStore()?.context;
    if (context === undefined) return {};
    const state = this.#traceState ? { tracestate: this.#traceState } : {};
    return { traceparent: formatTraceParent(context), ...state };
  }

  #scope(context: SpanContext): Scope {
    return { context, counters: new Map(), outer: this.#scopes.getStore() };
  }

  #around(): Context {
    const { ROOT_CONTEXT, trace } = this.#api;
    const parent = this.#scopes.getStore()?.context ?? this.#remote;
    return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  }

  #noteError(span: Span, error: unknown): void {
    span.setAttribute("error.type", errorCode(error));
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: errorText(error) });
  }
}

function namedSpan(span: Span): NamedSpan {
  return {
    set: (attributes) => span.setAttributes({ ...attributes }),
    event: (name, attributes) => span.addEvent(name, { ...attributes }),
  };
}
