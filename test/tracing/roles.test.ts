import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openDesk as openAgentDesk, startWeb } from "../agent/desk.ts";
import { location, putObject, secrets, startServers } from "../pod/servers.ts";
import { manifest, openDesk } from "../resource/desk.ts";
import { type CollectedSpan, collectorPython, TraceCollector } from "../servers/trace-collector.ts";

const python = await collectorPython();
const skip = "missing" in python ? python.missing : false;
const traceId = "0af7651916cd43dd8448eb211c80319c";
/** The emissary's span, whose child a main container's process is. */
const runMainContainer = "00f067aa0ba902b7";

async function collect(t: TestContext) {
  const traces = await TraceCollector.start(t, "program" in python ? python.program : "");
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${traces.grpcPort}`,
    TRACEPARENT: `00-${traceId}-${runMainContainer}-01`,
  };
  return { traces, env };
}

/** The names of spans, each with those around it, outermost first. */
function paths(spans: readonly CollectedSpan[]): readonly string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const path = ({ name, parentSpanId }: CollectedSpan): string => {
    if (parentSpanId === runMainContainer) return `main > ${name}`;
    const around = byId.get(parentSpanId);
    return around === undefined ? name : `${path(around)} > ${name}`;
  };
  return [...new Set(spans.map(path))].sort();
}

function one(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${name} occurs ${found.length} times`);
  return found[0] as CollectedSpan;
}

describe("the trace of the other roles", { skip, concurrency: 2 }, () => {
  it("shows what a data template lists and transforms, inside the emissary's span", async (t) => {
    const { traces, env } = await collect(t);
    const servers = await startServers(t);
    for (const key of ["in/a", "in/b"]) await putObject(servers, key, key);
    const desk = await openDesk(t);
    for (const [name, values] of Object.entries(secrets)) {
      for (const [key, value] of Object.entries(values)) desk.file(`argo/secret/${name}/${key}`, value);
    }
    const artifactPaths = { s3: { ...location(servers.store), key: "in" } };
    const data = { source: { artifactPaths }, transformation: [{ expression: "len(data)" }] };

    const { code, log } = await desk.start(["data", "{}"], { data }, env).ended;

    assert.equal(code, 0, log);
    const spans = await traces.waitFor("patchTaskResultLabels");
    assert.deepEqual(paths(spans), [
      "main > createTaskResult",
      "main > createTaskResult > HTTP POST",
      "main > patchTaskResult",
      "main > patchTaskResult > HTTP PATCH",
      "main > patchTaskResultLabels",
      "main > patchTaskResultLabels > HTTP PATCH",
      "main > processDataTemplate",
      "main > processDataTemplate > listArtifacts",
      "main > processDataTemplate > listArtifacts > HTTP GET",
      "main > processDataTemplate > transformKeys",
    ]);
    assert.deepEqual(new Set(spans.map((span) => span.traceId)), new Set([traceId]));
    assert.equal(one(spans, "listArtifacts").attributes.keys, 2);
    assert.equal(one(spans, "transformKeys").attributes.steps, 1);
    const listing = spans.find(({ attributes }) => attributes["s3.operation"] === "ListObjects");
    assert.equal(listing?.attributes["s3.bucket"], "my-bucket");
  });

  it("notes where a data template failed", async (t) => {
    const { traces, env } = await collect(t);
    const desk = await openDesk(t);

    const { code } = await desk.start(["data", "{}"], { data: { source: {} } }, env).ended;

    assert.equal(code, 64);
    const spans = await traces.waitFor("patchTaskResultLabels");
    for (const name of ["listArtifacts", "processDataTemplate"]) {
      assert.equal(one(spans, name).status, 2);
      assert.equal(one(spans, name).attributes["error.type"], "BadRequest");
    }
  });

  it("shows what a resource template does, waits for and reads", async (t) => {
    const { traces, env } = await collect(t);
    const desk = await openDesk(t);
    const resource = { manifest: manifest("c"), successCondition: "data.state == new" };
    const outputs = { parameters: [{ name: "p", valueFrom: { jsonPath: "{.data.state}" } }] };

    const { code, log } = await desk.resource("create", resource, { outputs }, env).ended;

    assert.equal(code, 0, log);
    const spans = await traces.waitFor("patchTaskResultLabels");
    const own = paths(spans).filter((path) => !path.includes("TaskResult"));
    assert.deepEqual(own, [
      "main > actOnResource",
      "main > actOnResource > HTTP GET",
      "main > actOnResource > HTTP POST",
      "main > awaitConditions",
      "main > awaitConditions > HTTP GET",
      "main > readOutputParameters",
      "main > stageFiles",
    ]);
    assert.equal(one(spans, "actOnResource").attributes["resource.action"], "create");
    const { "k8s.kind": kind, "k8s.name": name } = one(spans, "awaitConditions").attributes;
    assert.deepEqual([kind, name], ["configmaps", "c"]);
  });

  it("shows each task of an agent, its requests, and no address but the server's", async (t) => {
    const { traces, env } = await collect(t);
    const desk = await openAgentDesk(t);
    const web = await startWeb(t, (request, response) => {
      response.writeHead(request.url?.startsWith("/good") ? 200 : 500).end();
    });
    desk.createTaskSet({
      good: { name: "t", http: { url: `${web.url}/good?token=hidden-word` } },
      bad: { name: "t", http: { url: `${web.url}/bad`, successCondition: "response.statusCode == 200" } },
    });
    const agent = desk.startAgent({ env });
    await Promise.all([desk.nodeState("good"), desk.nodeState("bad")]);
    await desk.complete();
    assert.equal(await agent.ended(), 0);

    const { spans } = traces;

    const tasks = spans.filter(({ name }) => name === "executeTask");
    const seen = tasks.map(({ attributes: of }) => [of["node.id"], of["template.type"], of["node.phase"]]);
    assert.deepEqual(seen.sort(), [
      ["bad", "HTTP", "Failed"],
      ["good", "HTTP", "Succeeded"],
    ]);
    const requests = spans.filter(({ attributes }) => attributes["server.address"] === new URL(web.url).host);
    assert.deepEqual(
      new Set(requests.map(({ parentSpanId }) => parentSpanId)),
      new Set(tasks.map((task) => task.spanId)),
    );
    assert.deepEqual(
      requests.map(({ attributes }) => attributes["http.response.status_code"]).sort(),
      [200, 500],
    );
    assert.doesNotMatch(JSON.stringify(spans), /hidden-word/);
  });
});
