import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { type Python, pythonWith } from "./python.ts";

const script = resolve(import.meta.dirname, "trace-collector.py");

export function collectorPython(): Promise<Python> {
  return pythonWith("grpcio>=1.70", "opentelemetry-proto>=1.30");
}

/** A span as another implementation decoded it; numbers of attributes come as numbers. */
export interface CollectedSpan {
  readonly name: string;
  /** 1: internal, 3: client. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly events: readonly {
    readonly name: string;
    readonly attributes: Readonly<Record<string, unknown>>;
  }[];
  /** 2: error. */
  readonly status: number;
  readonly statusMessage: string;
  readonly scope: string;
  readonly resource: Readonly<Record<string, string | number>>;
}

export interface CollectedRequest {
  readonly protocol: "grpc" | "http";
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly failed?: boolean;
  readonly silent?: boolean;
  readonly spans?: readonly CollectedSpan[];
}

/** A receiver of OTLP that decodes with the protocol's own classes. */
export class TraceCollector {
  readonly requests: CollectedRequest[] = [];
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: { readonly grpcPort: number; readonly httpPort: number }) {
    this.#child = child;
    this.grpcPort = ports.grpcPort;
    this.httpPort = ports.httpPort;
  }

  static async start(t: TestContext, python: string, ...args: readonly string[]): Promise<TraceCollector> {
    const child = spawn(python, [script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    t.after(async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    });
    const lines = createInterface(child.stdout);
    const [first] = (await once(lines, "line")) as [string];
    const collector = new TraceCollector(child, JSON.parse(first));
    lines.on("line", (line) => collector.requests.push(JSON.parse(line) as CollectedRequest));
    return collector;
  }

  get spans(): readonly CollectedSpan[] {
    return this.requests.flatMap(({ spans = [] }) => spans);
  }

  /** Resolves to all spans when this one is there. */
  async waitFor(name: string): Promise<readonly CollectedSpan[]> {
    const end = Date.now() + 20_000;
    while (!this.spans.some((span) => span.name === name)) {
      if (Date.now() > end || this.#child.exitCode !== null) {
        throw new Error(`no span ${name} came, but ${this.spans.map((span) => span.name).join(", ")}`);
      }
      await new Promise((done) => setTimeout(done, 10));
    }
    return this.spans;
  }
}
