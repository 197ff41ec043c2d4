import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { SpanContext } from "@opentelemetry/api";
import type { ProxySettings } from "../http/index.ts";
import { readTracingConfig, type TracingConfig, type Variables } from "./config.ts";
import { OtlpExporter, type SpanTransport, type TracingLog } from "./exporter.ts";
import { OtelRecorder } from "./recorder.ts";
import { type Attributes, type Recorder, recordWith } from "./span.ts";
import { formatTraceParent, parseTraceParent } from "./trace-parent.ts";

export interface TracingOptions {
  readonly env: Variables;
  readonly version: string;
  readonly proxy: ProxySettings;
  readonly log: TracingLog;
}

/** The exporter of this process; spans go to it until it is disposed of. */
export interface Tracing extends AsyncDisposable {
  /** Opens the span of a container whose work several processes do, one after the other; `token`: of an earlier one. */
  container(token: string): ContainerSpan;
}

/** A span that outlives a process: its identity and its start travel to the next as a token. */
export interface ContainerSpan {
  readonly token: string;
  /** Runs a part of the container's work. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** The process will sleep now, until the next of them. */
  sleeps(): void;
  /** Records what another program did, whose `traceparent` its span is to have. */
  foreign(span: ForeignSpan): void;
  /** Records the span, and inside it one of the time from the first sleep to the start of this process. */
  end(name: string, attributes: Attributes, sleepName: string): void;
}

export interface ForeignSpan {
  readonly name: string;
  readonly traceParent: string;
  readonly attributes: Attributes;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The end of a container waits so long for a collector that does not answer: the pod's end waits for the container's.
 * One that works has everything but the last spans by then.
 */
const flushMaxMs = 1000;

/** Loads OpenTelemetry and begins to record. Undefined where the variables say that it is off. */
export async function startTracing({
  env,
  version,
  proxy,
  log,
}: TracingOptions): Promise<Tracing | undefined> {
  const config = readTracingConfig(env);
  if (config === undefined) return undefined;
  for (const warning of config.warnings) log.warn({}, warning);
  const vendor = await import("./vendor.ts");
  const transport = await openTransport(config, proxy);
  const encode = (spans: Parameters<typeof vendor.ProtobufTraceSerializer.serializeRequest>[0]) =>
    vendor.ProtobufTraceSerializer.serializeRequest(spans);
  const exporter = new OtlpExporter(config, encode, transport, log);
  const { batch } = config;
  const processor = new vendor.BatchSpanProcessor({
    exporter,
    scheduledDelayMillis: batch.delayMs,
    exportTimeoutMillis: batch.exportTimeoutMs,
    maxQueueSize: batch.queueMax,
    maxExportBatchSize: Math.min(batch.batchMax, batch.queueMax),
  });
  const identities = new Identities(new vendor.RandomIdGenerator());
  const provider = new vendor.TracerProvider({
    sampler: openSampler(config, vendor),
    resource: vendor.resourceFromAttributes(resourceAttributes(config, env, version)),
    spanLimits: config.limits,
    spanProcessors: [processor],
    idGenerator: identities,
  });
  const remote = parseTraceParent(env.TRACEPARENT);
  const tracer = provider.getTracer("argoexec", version);
  const recorder = new OtelRecorder(vendor, tracer, remote, env.TRACESTATE);
  const recording = recordWith(recorder satisfies Recorder);
  return {
    container: (token) => new LongSpan(recorder, identities, remote, token),
    async [Symbol.asyncDispose]() {
      recording[Symbol.dispose]();
      const flushed = provider.forceFlush().then(() => exporter.forceFlush());
      // The exporter has said what was lost.
      await Promise.race([flushed.catch(() => undefined), sleep(flushMaxMs, undefined, { ref: false })]);
      exporter.abandon();
    },
  };
}

async function openTransport(config: TracingConfig, proxy: ProxySettings): Promise<SpanTransport> {
  if (config.protocol === "grpc") {
    const { GrpcTransport } = await import("./grpc-transport.ts");
    return new GrpcTransport(config);
  }
  const { HttpTransport } = await import("./http-transport.ts");
  return new HttpTransport(config, proxy);
}

function openSampler({ sampler }: TracingConfig, vendor: typeof import("./vendor.ts")) {
  const { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler } = vendor;
  const bare = sampler.name.replace("parentbased_", "");
  const root =
    bare === "always_off"
      ? new AlwaysOffSampler()
      : bare === "traceidratio"
        ? new TraceIdRatioBasedSampler(sampler.ratio)
        : new AlwaysOnSampler();
  return bare === sampler.name ? root : new ParentBasedSampler({ root });
}

/** What is ours to say goes before what the variables say; command lines may hold tokens and are left out. */
function resourceAttributes(config: TracingConfig, env: Variables, version: string): Attributes {
  return {
    "host.name": hostname(),
    "os.type": process.platform,
    "process.pid": process.pid,
    "process.executable.name": "argoexec",
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    ...(env.ARGO_POD_NAME ? { "k8s.pod.name": env.ARGO_POD_NAME } : {}),
    ...(env.ARGO_CONTAINER_NAME ? { "k8s.container.name": env.ARGO_CONTAINER_NAME } : {}),
    ...config.resource,
    "service.name": "argoexec",
    "service.version": version,
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.language": "nodejs",
  };
}

interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}

/** Random identities, but for spans whose identity was given out before they are recorded. */
class Identities implements IdGenerator {
  readonly #random: IdGenerator;
  #next: SpanContext | undefined;

  constructor(random: IdGenerator) {
    this.#random = random;
  }

  generateTraceId(): string {
    return this.#next?.traceId ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#next?.spanId ?? this.#random.generateSpanId();
  }

  as(context: SpanContext, record: () => void): void {
    this.#next = context;
    try {
      record();
    } finally {
      this.#next = undefined;
    }
  }
}

class LongSpan implements ContainerSpan {
  readonly #recorder: OtelRecorder;
  readonly #identities: Identities;
  readonly #context: SpanContext;
  readonly #startMs: number;
  readonly #wokeMs = Date.now();
  #sleptMs: number | undefined;

  constructor(
    recorder: OtelRecorder,
    identities: Identities,
    remote: SpanContext | undefined,
    token: string,
  ) {
    const [parent, start = "", slept = ""] = token.split(" ");
    const known = parseTraceParent(parent);
    this.#recorder = recorder;
    this.#identities = identities;
    this.#context = known ?? {
      traceId: remote?.traceId ?? identities.generateTraceId(),
      spanId: identities.generateSpanId(),
      traceFlags: remote?.traceFlags ?? 1,
    };
    this.#startMs = known ? Number(start) : Date.now();
    this.#sleptMs = known && slept !== "" ? Number(slept) : undefined;
  }

  get token(): string {
    const slept = this.#sleptMs === undefined ? "" : ` ${this.#sleptMs}`;
    return `${formatTraceParent(this.#context)} ${this.#startMs}${slept}`;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#recorder.within(this.#context, work);
  }

  sleeps(): void {
    this.#sleptMs ??= Date.now();
  }

  foreign({ name, traceParent, attributes, startMs, endMs }: ForeignSpan): void {
    const context = parseTraceParent(traceParent);
    if (context === undefined || context.traceId !== this.#context.traceId) return;
    this.#identities.as(context, () => this.#recorder.past(name, attributes, startMs, endMs));
  }

  end(name: string, attributes: Attributes, sleepName: string): void {
    const sleptMs = this.#sleptMs ?? this.#wokeMs;
    void this.run(async () => this.#recorder.past(sleepName, {}, sleptMs, this.#wokeMs));
    this.#identities.as(this.#context, () =>
      this.#recorder.past(name, attributes, this.#startMs, Date.now()),
    );
  }
}
