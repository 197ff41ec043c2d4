import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { selfSignedCertificate } from "../../desk/api-server/certificate.ts";
import { openDriver } from "../../src/artifacts/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { span } from "../../src/tracing/index.ts";
import { startTracing, type Tracing } from "../../src/tracing/start.ts";
import { patience, surroundings } from "../drivers/surroundings.ts";
import { frame, respond, startHttp2 } from "../plugins/hostile-server.ts";
import { pluginFolders } from "../servers/artifact-plugin.ts";
import { collectorPython, TraceCollector } from "../servers/trace-collector.ts";

const python = await collectorPython();
const skip = "missing" in python ? python.missing : false;
const proxy = { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined };

interface Line {
  readonly level: string;
  readonly text: string;
}

async function start(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly tracing: Tracing | undefined; readonly lines: readonly Line[] }> {
  const lines: Line[] = [];
  const note = (level: string) => (fields: object, message: string) => {
    lines.push({ level, text: `${message} ${JSON.stringify(fields)}` });
  };
  const log = { debug: note("debug"), warn: note("warn") };
  return { tracing: await startTracing({ env, version: "1.2.3", proxy, log }), lines };
}

/** Records one span, and waits as long as the end of a container does. */
async function recordOne(env: Readonly<Record<string, string>>): Promise<readonly Line[]> {
  const { tracing, lines } = await start(env);
  await span("one", { answer: 42, ratio: 0.5, yes: true, text: "ü" }, async (own) => {
    own.event("halfway", { file: "f" });
  });
  await tracing?.[Symbol.asyncDispose]();
  return lines;
}

function collector(t: TestContext, ...args: string[]): Promise<TraceCollector> {
  return TraceCollector.start(t, "program" in python ? python.program : "", ...args);
}

const protocols = {
  grpc: ({ grpcPort }: TraceCollector, scheme = "http") => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: `${scheme}://localhost:${grpcPort}`,
  }),
  http: ({ httpPort }: TraceCollector, scheme = "http") => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: `${scheme}://localhost:${httpPort}/base`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
  }),
} as const;

// The recorder is the process's own, so that these run one after the other.
for (const protocol of ["grpc", "http"] as const) {
  describe(`spans over ${protocol}`, { skip }, () => {
    it("arrive as they were recorded, with headers, compressed or not", async (t) => {
      for (const compression of ["none", "gzip"]) {
        const traces = await collector(t);

        const lines = await recordOne({
          ...protocols[protocol](traces),
          OTEL_EXPORTER_OTLP_HEADERS: "x-other=1,authorization=all%20signals",
          OTEL_EXPORTER_OTLP_TRACES_HEADERS: "Authorization=Bearer%20s%3Dcret, x-tenant=me",
          OTEL_EXPORTER_OTLP_COMPRESSION: compression,
          OTEL_RESOURCE_ATTRIBUTES: "team=a%20b,service.name=mine,broken",
          ARGO_POD_NAME: "the-pod",
        });

        const [found] = await traces.waitFor("one");
        assert.deepEqual(found?.attributes, { answer: 42, ratio: 0.5, yes: true, text: "ü" });
        assert.deepEqual(found?.events, [{ name: "halfway", attributes: { file: "f" } }]);
        assert.equal(found?.scope, "argoexec");
        assert.equal(found?.parentSpanId, "");
        assert.equal(found?.resource["service.name"], "argoexec");
        assert.equal(found?.resource["service.version"], "1.2.3");
        assert.equal(found?.resource["k8s.pod.name"], "the-pod");
        assert.equal(found?.resource.team, "a b");
        const [request] = traces.requests;
        assert.equal(request?.protocol, protocol);
        assert.equal(request?.headers.authorization, "Bearer s=cret");
        assert.equal(request?.headers["x-tenant"], "me");
        assert.equal(request?.headers["x-other"], undefined);
        if (protocol === "http") {
          assert.equal(request?.path, "/base/v1/traces");
          assert.equal(request?.headers["content-encoding"], compression === "gzip" ? "gzip" : undefined);
        }
        assert.deepEqual(
          lines.map(({ text }) => text.slice(0, 24)),
          ["OTEL_RESOURCE_ATTRIBUTES"],
        );
      }
    });

    it("are sent again when the collector asks for patience", async (t) => {
      const traces = await collector(t, "--fail", "1");

      await recordOne(protocols[protocol](traces));

      await traces.waitFor("one");
      assert.deepEqual(
        traces.requests.map(({ failed = false }) => failed),
        [true, false],
      );
    });

    it("go over TLS to a collector whose certificate is named", async (t) => {
      const folder = await mkdtemp("/tmp/traces-");
      t.after(() => rm(folder, { recursive: true, force: true }));
      const { key, cert } = selfSignedCertificate();
      writeFileSync(join(folder, "key"), key);
      writeFileSync(join(folder, "cert"), cert);
      const traces = await collector(t, "--cert", join(folder, "cert"), "--key", join(folder, "key"));
      const env = protocols[protocol](traces, "https");

      const refused = await recordOne(env);
      assert.match(refused[0]?.text ?? "", /^spans could not be exported/);
      assert.deepEqual(traces.requests, []);
      await recordOne({ ...env, OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, "cert") });

      await traces.waitFor("one");
    });

    it("are given up after the time that the variable says, and no secret is in the log", async (t) => {
      const traces = await collector(t, "--silent");

      const lines = await recordOne({
        ...protocols[protocol](traces),
        OTEL_EXPORTER_OTLP_TIMEOUT: "100",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20s3cret",
      });

      assert.equal(lines.length, 1);
      assert.match(lines[0]?.text ?? "", /no answer within 100 ms/);
      assert.doesNotMatch(JSON.stringify(lines), /s3cret|Bearer/);
      assert.equal(traces.requests[0]?.headers.authorization, "Bearer s3cret");
    });
  });
}

describe("tracing", { skip }, () => {
  it("is off where the variables say so", async (t) => {
    const traces = await collector(t);
    for (const off of [
      { OTEL_SDK_DISABLED: "true" },
      { OTEL_TRACES_EXPORTER: "none" },
      { OTEL_TRACES_SAMPLER: "always_off" },
      { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
    ] as const) {
      await recordOne({ ...protocols.grpc(traces), ...off });
    }
    await recordOne({ ...protocols.grpc(traces), OTEL_TRACES_SAMPLER: "parentbased_traceidratio" });

    assert.equal((await traces.waitFor("one")).length, 1);
  });

  it("sends in batches, while the work goes on", async (t) => {
    const traces = await collector(t);
    const { tracing } = await start({
      ...protocols.grpc(traces),
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10",
      OTEL_BSP_SCHEDULE_DELAY: "20",
      OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: "4",
    });
    t.after(() => tracing?.[Symbol.asyncDispose]());

    for (let index = 0; index < 25; index++) {
      await span(`number ${index}`, { text: "long text" }, async () => {});
    }
    const spans = await traces.waitFor("number 24");

    assert.equal(spans[0]?.attributes.text, "long");
    assert.ok(traces.requests.every(({ spans: batch = [] }) => batch.length <= 10));
  });

  it("refuses a protocol that does not exist, and goes on without what else is wrong", async () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
    const isBad = (error: unknown) => isExecutorError(error, "BadRequest");

    await assert.rejects(start({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "smoke" }), isBad);
    await assert.rejects(
      start({ OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://x", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }),
      isBad,
    );
    await assert.rejects(start({ ...endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE: "/no/such/file" }), isBad);
    const { tracing, lines } = await start({
      ...endpoint,
      OTEL_EXPORTER_OTLP_TIMEOUT: "soon",
      OTEL_TRACES_SAMPLER: "sometimes",
      OTEL_EXPORTER_OTLP_COMPRESSION: "zstd",
    });
    await tracing?.[Symbol.asyncDispose]();

    assert.deepEqual(
      lines.map(({ level }) => level),
      ["warn", "warn", "warn"],
    );
  });

  it("tells a plugin of the span that its work is for", async (t) => {
    const traces = await collector(t);
    const { places } = await pluginFolders(t);
    const seen: (string | undefined)[] = [];
    await startHttp2(t, join(places.sockets, "demo/socket"), (stream, _path, headers) => {
      seen.push(headers.traceparent?.toString());
      respond(stream, frame(Buffer.from([8, 1])));
    });
    const artifact = { name: "f", plugin: { name: "demo", configuration: "c", key: "k" } };
    const driver = await openDriver(artifact, { ...surroundings(), plugins: places });
    t.after(() => driver[Symbol.asyncDispose]());

    await driver.delete(artifact, patience());
    const { tracing } = await start(protocols.grpc(traces));
    await span("outer", {}, () => driver.delete(artifact, patience()));
    await tracing?.[Symbol.asyncDispose]();

    const spans = await traces.waitFor("outer");
    const call = spans.find(({ name }) => name === "plugin delete");
    assert.deepEqual(seen, [undefined, `00-${call?.traceId}-${call?.spanId}-01`]);
    assert.equal(call?.kind, 3);
  });
});
