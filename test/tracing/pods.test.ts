import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { initlessPod, storeFolder } from "../plugins/plugin-pod.ts";
import { putObject, runManifest, shell, startPod, startServers } from "../pod/desk.ts";
import { pluginPython, pluginScript } from "../servers/artifact-plugin.ts";
import { type CollectedSpan, collectorPython, TraceCollector } from "../servers/trace-collector.ts";

const python = await collectorPython();
const skip = "missing" in python ? python.missing : false;
const plugins = await pluginPython();
const traceId = "0af7651916cd43dd8448eb211c80319c";
const createWorkflowPod = "b7ad6b7169203331";
const parent = { TRACEPARENT: `00-${traceId}-${createWorkflowPod}-01`, TRACESTATE: "workflow=argo/wf" };

function collector(t: TestContext, ...args: string[]): Promise<TraceCollector> {
  return TraceCollector.start(t, "program" in python ? python.program : "", ...args);
}

function grpc({ grpcPort }: TraceCollector): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${grpcPort}` };
}

/** The names of spans by the name of what is around them. */
function tree(spans: readonly CollectedSpan[]): Record<string, readonly string[]> {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  const found: Record<string, string[]> = {};
  for (const { parentSpanId, name } of spans) {
    const around = parentSpanId === createWorkflowPod ? "controller" : (names.get(parentSpanId) ?? "nobody");
    const inside = found[around] ?? [];
    if (!inside.includes(name)) inside.push(name);
    found[around] = inside.sort();
  }
  return found;
}

function one(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${name} occurs ${found.length} times`);
  return found[0] as CollectedSpan;
}

/** Two processes read the time of day, which somebody may be setting right meanwhile (adjtimex(2)). */
const clockMs = 50;

describe("the trace of a pod", { skip, concurrency: 2 }, () => {
  it("joins init, main and the phases of wait under the controller's span", async (t) => {
    const traces = await collector(t);
    const servers = await startServers(t);
    await putObject(servers, "in", "from the store\n");
    const template = shell("sleep 1; cat /in/x; echo out > /tmp/out", {
      container: {
        env: Object.entries({ ...grpc(traces), ...parent }).map(([name, value]) => ({ name, value })),
      },
      inputs: { artifacts: [{ name: "x", path: "/in/x", s3: { key: "in" } }] },
      outputs: { artifacts: [{ name: "out", path: "/tmp/out" }] },
    });

    const pod = await startPod(t, template, {
      servers,
      readsResult: true,
      executorEnv: { ...parent, ...grpc(traces), POD_NAMESPACE: "argo" },
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const spans = await traces.waitFor("runWaitContainer");
    assert.deepEqual(tree(spans), {
      controller: ["runInitContainer", "runMainContainer", "runWaitContainer"],
      runInitContainer: ["loadArtifacts", "stageFiles"],
      loadArtifacts: ["loadArtifact"],
      loadArtifact: ["HTTP HEAD", "unarchiveArtifact"],
      unarchiveArtifact: ["HTTP GET"],
      runWaitContainer: [
        "captureScriptResult",
        "createTaskResult",
        "patchTaskResult",
        "saveArtifacts",
        "saveLogs",
        "waitWorkload",
      ],
      createTaskResult: ["HTTP POST"],
      patchTaskResult: ["HTTP PATCH"],
      saveArtifacts: ["saveArtifact"],
      saveArtifact: ["archiveArtifact"],
      archiveArtifact: ["HTTP PUT"],
      saveLogs: ["saveContainerLogs"],
      saveContainerLogs: ["HTTP PUT"],
    });
    assert.deepEqual(new Set(spans.map((span) => span.traceId)), new Set([traceId]));
    const wait = one(spans, "runWaitContainer");
    assert.equal(wait.attributes.name, "wf");
    assert.equal(wait.attributes.namespace, "argo");
    const created = one(spans, "createTaskResult");
    assert.ok(wait.startMs - clockMs <= created.startMs && created.endMs <= wait.endMs + clockMs);
    const slept = one(spans, "waitWorkload");
    assert.ok(slept.endMs - slept.startMs >= 500, "main took a second");
    assert.ok(slept.startMs >= created.endMs - clockMs, `${slept.startMs - created.endMs} ms`);
    const main = one(spans, "runMainContainer");
    assert.ok(main.endMs - main.startMs >= 1000 - clockMs, `${main.endMs - main.startMs} ms`);
    assert.equal(main.resource["service.name"], "argoexec");
    assert.equal(wait.scope, "argoexec");
  });

  it("says how much was moved, how fast, and what the artifacts are called", async (t) => {
    const traces = await collector(t);
    const servers = await startServers(t);
    servers.store.addFault({ kind: "status", status: 503, times: 2, match: { method: "PUT" } });
    const template = shell("head -c 3000000 /dev/urandom > /tmp/out", {
      outputs: { artifacts: [{ name: "out", path: "/tmp/out", archive: { none: {} } }] },
      archiveLocation: { archiveLogs: false },
    });

    const pod = await startPod(t, template, { servers, executorEnv: { ...parent, ...grpc(traces) } });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const spans = await traces.waitFor("runWaitContainer");
    const { attributes } = one(spans, "saveArtifact");
    assert.equal(attributes["artifact.name"], "out");
    assert.equal(attributes["transfer.bytes"], 3_000_000);
    assert.equal(attributes["transfer.objects"], 1);
    assert.ok(Number(attributes["transfer.bytes_per_second"]) > 0);
    assert.equal(attributes["transfer.retries"], 2);
    assert.deepEqual(one(spans, "saveArtifacts").events, [
      { name: "upload artifact", attributes: { file: "out" } },
    ]);
    const put = spans.filter((span) => span.attributes["s3.operation"] === "PutObject");
    assert.equal(put[0]?.attributes["s3.bucket"], "my-bucket");
    assert.equal(put[0]?.kind, 3);
  });

  it("follows a failure from the store to the container", async (t) => {
    const traces = await collector(t);
    const template = shell("true", {
      inputs: { artifacts: [{ name: "x", path: "/in/x", s3: { key: "not/there" } }] },
    });

    const pod = await startPod(t, template, { executorEnv: { ...parent, ...grpc(traces) } });

    assert.equal((await pod.codes()).init, 64);
    const spans = await traces.waitFor("runInitContainer");
    for (const name of ["loadArtifact", "loadArtifacts", "runInitContainer"]) {
      assert.equal(one(spans, name).status, 2, name);
      assert.equal(one(spans, name).attributes["error.type"], "NotFound");
    }
  });

  it("records nothing of a trace that the controller did not sample", async (t) => {
    const traces = await collector(t);

    const pod = await startPod(t, shell("echo $TRACEPARENT"), {
      executorEnv: { TRACEPARENT: `00-${traceId}-${createWorkflowPod}-00`, ...grpc(traces) },
    });

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    assert.deepEqual(traces.requests, []);
  });

  it("traces the supervisor and the calls of a plugin", {
    skip: "missing" in plugins ? plugins.missing : false,
  }, async (t) => {
    const traces = await collector(t);
    const servers = await startServers(t);
    const store = await storeFolder(t);
    const plugin = { name: "demo", configuration: `root: ${store}`, key: "out" };
    const manifest = initlessPod(
      shell("echo 1 > /tmp/out", {
        outputs: { artifacts: [{ name: "out", path: "/tmp/out", plugin }] },
        archiveLocation: { archiveLogs: false },
      }),
      { servers, command: ["program" in plugins ? plugins.program : "", pluginScript] },
    );

    const pod = await runManifest(t, manifest, servers, { ...parent, ...grpc(traces) });

    assert.deepEqual(await pod.codes(), { supervisor: 0, main: 0, "artifact-plugin-demo": 0 });
    const spans = await traces.waitFor("runSupervisorContainer");
    const found = tree(spans);
    assert.deepEqual(found.controller, ["runSupervisorContainer"]);
    assert.deepEqual(found.archiveArtifact, ["plugin save"]);
    assert.ok(found.runSupervisorContainer?.includes("stageFiles"));
  });

  for (const [how, args] of [
    ["is gone", undefined],
    ["does not answer", ["--silent"]],
  ] as const) {
    it(`ends, and reports all of its outputs, when the collector ${how}`, async (t) => {
      const traces = await collector(t, ...(args ?? []));
      const endpoint = args === undefined ? "http://127.0.0.1:1" : `http://127.0.0.1:${traces.grpcPort}`;

      const pod = await startPod(t, shell("echo hello"), {
        readsResult: true,
        executorEnv: { ...parent, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      });

      assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
      assert.equal(pod.outputs().result, "hello");
      assert.ok(pod.isCompleted());
    });
  }
});
