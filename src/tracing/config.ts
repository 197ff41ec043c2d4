import { readFileSync } from "node:fs";
import { ExecutorError, errorText } from "../errors/index.ts";

export type Variables = Readonly<Record<string, string | undefined>>;

/** How and where spans are exported: the `OTEL_*` variables of the OpenTelemetry specification. */
export interface TracingConfig {
  readonly protocol: "grpc" | "http/protobuf";
  /** With the path, for http. */
  readonly url: URL;
  /** Secrets may be among them: they are sent, and never shown. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  readonly caPem: string | undefined;
  readonly clientCert: { readonly certPem: string; readonly keyPem: string } | undefined;
  readonly sampler: { readonly name: SamplerName; readonly ratio: number };
  readonly batch: {
    readonly delayMs: number;
    readonly exportTimeoutMs: number;
    readonly queueMax: number;
    readonly batchMax: number;
  };
  readonly limits: Readonly<Record<LimitName, number>>;
  readonly resource: Readonly<Record<string, string>>;
  /** What was set and cannot be used; the default counts in its place. */
  readonly warnings: readonly string[];
}

const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export type SamplerName = (typeof samplerNames)[number];

const limitVariables = {
  attributeCountLimit: ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", 128],
  attributeValueLengthLimit: ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", Number.POSITIVE_INFINITY],
  eventCountLimit: ["OTEL_SPAN_EVENT_COUNT_LIMIT", 128],
  attributePerEventCountLimit: ["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", 128],
} as const;
type LimitName = keyof typeof limitVariables;

/**
 * @returns undefined where the SDK is told to be off
 * @throws BadRequest for a protocol that does not exist (docs/contract/roles.md#6.1), an endpoint that is no URL, and
 * certificates that cannot be read
 */
export function readTracingConfig(env: Variables): TracingConfig | undefined {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none")
    return undefined;
  const reader = new Reader(env);
  const protocol = readProtocol(reader);
  return {
    protocol,
    url: readUrl(reader, protocol),
    headers: reader.pairs(reader.nameOf("HEADERS"), (name) => name.toLowerCase()),
    timeoutMs: reader.number(reader.nameOf("TIMEOUT"), 10_000),
    isCompressed: readCompression(reader),
    caPem: reader.file("CERTIFICATE"),
    clientCert: readClientCertificate(reader),
    sampler: readSampler(reader),
    batch: {
      delayMs: reader.number("OTEL_BSP_SCHEDULE_DELAY", 5000),
      exportTimeoutMs: reader.number("OTEL_BSP_EXPORT_TIMEOUT", 30_000),
      queueMax: reader.number("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
      batchMax: reader.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
    },
    limits: readLimits(reader),
    resource: reader.pairs("OTEL_RESOURCE_ATTRIBUTES", (name) => name),
    warnings: reader.warnings,
  };
}

/** Reads one variable after the other; those for traces go before those for all signals. */
class Reader {
  readonly warnings: string[] = [];
  readonly #env: Variables;

  constructor(env: Variables) {
    this.#env = env;
  }

  get(name: string): string {
    return this.#env[name]?.trim() ?? "";
  }

  /** The name of the variable that counts. */
  nameOf(suffix: string): string {
    const ofTraces = `OTEL_EXPORTER_OTLP_TRACES_${suffix}`;
    return this.get(ofTraces) === "" ? `OTEL_EXPORTER_OTLP_${suffix}` : ofTraces;
  }

  number(name: string, otherwise: number): number {
    const text = this.get(name);
    if (text === "") return otherwise;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    this.warnings.push(`${name} must be a whole number such as ${otherwise}: ${otherwise} is used`);
    return otherwise;
  }

  /** `name=value,name=value`, both percent-encoded; a value is never quoted in a warning. */
  pairs(variable: string, nameOf: (name: string) => string): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const pair of this.get(variable).split(",")) {
      if (pair.trim() === "") continue;
      const at = pair.indexOf("=");
      try {
        const name = decodeURIComponent(pair.slice(0, at).trim());
        if (at < 1 || name === "") throw new Error("no name");
        found[nameOf(name)] = decodeURIComponent(pair.slice(at + 1).trim());
      } catch {
        this.warnings.push(
          `${variable} must be name=value pairs between commas, percent-encoded: one is left out`,
        );
      }
    }
    return found;
  }

  file(suffix: string): string | undefined {
    const name = this.nameOf(suffix);
    const path = this.get(name);
    if (path === "") return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (cause) {
      throw new ExecutorError("BadRequest", `${name} must name a PEM file: ${errorText(cause)}`, { cause });
    }
  }
}

/** Empty means gRPC, unlike in OpenTelemetry's own SDKs. */
function readProtocol(reader: Reader): TracingConfig["protocol"] {
  const name = reader.nameOf("PROTOCOL");
  const text = reader.get(name);
  if (text === "" || text === "grpc") return "grpc";
  if (text.startsWith("http/")) return "http/protobuf";
  throw new ExecutorError("BadRequest", `${name} must be grpc or http/protobuf, not ${JSON.stringify(text)}`);
}

function readUrl(reader: Reader, protocol: TracingConfig["protocol"]): URL {
  const isGrpc = protocol === "grpc";
  const name = reader.nameOf("ENDPOINT");
  const text = reader.get(name) || (isGrpc ? "http://localhost:4317" : "http://localhost:4318");
  const isInsecure = reader.get(reader.nameOf("INSECURE")).toLowerCase() === "true";
  const hasScheme = /^https?:\/\//.test(text);
  const full = hasScheme || !isGrpc ? text : `${isInsecure ? "http" : "https"}://${text}`;
  if (!URL.canParse(full) || !/^https?:/.test(full)) {
    throw new ExecutorError("BadRequest", `${name} must be a URL such as http://collector:4317`);
  }
  const url = new URL(full);
  if (isGrpc || name === "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") return url;
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return url;
}

function readCompression(reader: Reader): boolean {
  const name = reader.nameOf("COMPRESSION");
  const text = reader.get(name);
  if (!["", "none", "gzip"].includes(text))
    reader.warnings.push(`${name} must be gzip or none: none is used`);
  return text === "gzip";
}

function readClientCertificate(reader: Reader): TracingConfig["clientCert"] {
  const [certPem, keyPem] = [reader.file("CLIENT_CERTIFICATE"), reader.file("CLIENT_KEY")];
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
}

function readSampler(reader: Reader): TracingConfig["sampler"] {
  const text = reader.get("OTEL_TRACES_SAMPLER").toLowerCase();
  const found = samplerNames.find((name) => name === text);
  if (text !== "" && found === undefined) {
    reader.warnings.push(`OTEL_TRACES_SAMPLER must be one of ${samplerNames.join(", ")}`);
  }
  const argument = reader.get("OTEL_TRACES_SAMPLER_ARG");
  const ratio = argument === "" ? 1 : Number(argument);
  const isRatio = ratio >= 0 && ratio <= 1;
  if (!isRatio) reader.warnings.push("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1: 1 is used");
  return { name: found ?? "parentbased_always_on", ratio: isRatio ? ratio : 1 };
}

function readLimits(reader: Reader): TracingConfig["limits"] {
  const entries = Object.entries(limitVariables).map(([name, [variable, otherwise]]) => [
    name,
    reader.number(variable, otherwise),
  ]);
  return Object.fromEntries(entries) as TracingConfig["limits"];
}
