import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ExecutorError } from "../../src/errors/index.ts";
import { KubeClient, type NodeIdentity, TaskResult } from "../../src/kube/index.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../servers/api-server/index.ts";

const identity: NodeIdentity = {
  nodeId: "wf-1",
  podName: "wf-main-1",
  workflowName: "wf",
  workflowUid: "0d1e6c1e-8b0e-4c3b-9d5a-1f2e3d4c5b6a",
  instanceId: undefined,
  podUid: "pod-uid-1",
  readsPodAnnotations: false,
};
const taskResults = { group: "argoproj.io", version: "v1alpha1", resource: "workflowtaskresults" };
const patient = { patienceMs: 10_000 };
const never = new AbortController().signal;
const completed = "workflows.argoproj.io/report-outputs-completed";

async function start(
  t: TestContext,
  options: ApiServerOptions = {},
): Promise<{ server: ApiServer; kube: KubeClient }> {
  const server = await startApiServer({ token: "token", ...options });
  t.after(() => server[Symbol.asyncDispose]());
  const connection = {
    server: new URL(server.url),
    namespace: "argo",
    tls: {},
    authorization: async () => "Bearer token",
  };
  const kube = new KubeClient(connection, {
    userAgent: "test",
    idleTimeoutMs: 5000,
    transientPattern: undefined,
  });
  t.after(() => kube[Symbol.asyncDispose]());
  return { server, kube };
}

function stored(server: ApiServer) {
  const object = server.find({ ...taskResults, namespace: "argo", name: "wf-1" });
  return object as unknown as {
    metadata: { labels: Record<string, string> };
    outputs?: unknown;
    progress?: string;
  };
}

describe("task result", () => {
  it("is created without outputs, then patched, then labelled", async (t) => {
    const { server, kube } = await start(t);
    const result = new TaskResult(kube, identity);

    await result.initialize(patient, never);
    await result.reportOutputs({ result: "x" }, patient, never);
    await result.finalize(patient, never);

    const bodies = server.requests.map(({ method, body }) => [method, JSON.parse(body)]);
    assert.equal(bodies.length, 3);
    assert.deepEqual(bodies[1], ["PATCH", { metadata: {}, outputs: { result: "x" } }]);
    assert.deepEqual(bodies[2], ["PATCH", { metadata: { labels: { [completed]: "true" } } }]);
    assert.equal(stored(server).metadata.labels["workflows.argoproj.io/workflow"], "wf");
    assert.deepEqual(stored(server).outputs, { result: "x" });
  });

  it("of an earlier pod of the same node is taken over, and counts as incomplete again", async (t) => {
    const { server, kube } = await start(t);
    const earlier = new TaskResult(kube, identity);
    await earlier.initialize(patient, never);
    await earlier.finalize(patient, never);

    await new TaskResult(kube, identity).initialize(patient, never);

    assert.equal(stored(server).metadata.labels[completed], "false");
  });

  it("that was deleted meanwhile is created anew with its outputs, and with its label", async (t) => {
    const { server, kube } = await start(t);
    const result = new TaskResult(kube, identity);
    await result.initialize(patient, never);
    const path = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflowtaskresults/wf-1";
    await kube.request({ method: "DELETE", path }, never);

    await result.reportOutputs({ result: "late" }, patient, never);
    await kube.request({ method: "DELETE", path }, never);
    await result.finalize(patient, never);

    assert.equal(stored(server).metadata.labels[completed], "true");
  });

  it("R7: a label that is refused after outputs were taken is sent again, and given up in the end", async (t) => {
    const { server, kube } = await start(t, {});
    const result = new TaskResult(kube, identity);
    await result.reportOutputs({ result: "x" }, patient, never);
    server.addFault({ kind: "status", status: 403, times: 1, match: { verb: "patch" } });

    await result.finalize(patient, never);

    assert.equal(stored(server).metadata.labels[completed], "true");
    server.addFault({ kind: "status", status: 403, match: { verb: "patch" } });
    await assert.rejects(result.finalize({ patienceMs: 1500 }, never), /grant the pod's service account/);
  });

  it("R7: creation forbidden ends at once with an error that names the grant", async (t) => {
    const rules = [{ verbs: ["patch"], apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"] }];
    const { kube } = await start(t, { rules });
    const result = new TaskResult(kube, identity);

    await assert.rejects(result.initialize(patient, never), (error: ExecutorError) => {
      assert.equal(error.code, "Forbidden");
      assert.match(
        error.message,
        /cannot create resource.*grant the pod's service account "create" and "patch"/s,
      );
      return true;
    });
    assert.equal(result.state, "forbidden");
  });

  it("R7: a role that grants only patch is enough where the object exists", async (t) => {
    const rules = [{ verbs: ["patch"], apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"] }];
    const { server, kube } = await start(t, { rules });
    server.create({ ...taskResults, namespace: "argo" }, { metadata: { namespace: "argo", name: "wf-1" } });
    const result = new TaskResult(kube, identity);

    await result.initialize(patient, never);
    await result.reportOutputs({ result: "x" }, patient, never);

    assert.deepEqual(stored(server).outputs, { result: "x" });
  });

  it("S5: a conflict, and a token that is refused once, do not cost the outputs", async (t) => {
    const { server, kube } = await start(t);
    const result = new TaskResult(kube, identity);
    await result.initialize(patient, never);
    for (const status of [409, 401]) {
      server.addFault({ kind: "status", status, times: 1, match: { verb: "patch" } });
    }

    await result.reportOutputs({ result: "x" }, patient, never);

    assert.deepEqual(stored(server).outputs, { result: "x" });
  });

  it("S5: an object that comes or goes between two requests is created or patched in the end", async (t) => {
    const { server, kube } = await start(t);
    const result = new TaskResult(kube, identity);
    server.addFault({ kind: "status", status: 409, times: 1, match: { verb: "create" } });

    await result.initialize(patient, never);
    server.addFault({ kind: "status", status: 404, times: 1, match: { verb: "patch" } });
    await result.reportOutputs({ result: "x" }, patient, never);

    assert.deepEqual(stored(server).outputs, { result: "x" });
  });

  it("S5: 429 with Retry-After, 503 and a dropped connection are waited out", async (t) => {
    const { server, kube } = await start(t);
    server.addFault({ times: 1, kind: "status", status: 429, retryAfterSeconds: 1 });
    server.addFault({ times: 1, kind: "status", status: 503 });
    server.addFault({ times: 1, kind: "drop" });
    const result = new TaskResult(kube, identity);

    await result.initialize(patient, never);

    assert.equal(stored(server).metadata.labels[completed], "false");
  });

  it("S5: a server that asks for more patience than there is gets an error now, not a sleeping pod", async (t) => {
    const { server, kube } = await start(t);
    server.addFault({ kind: "status", status: 429, retryAfterSeconds: 3600 });
    const result = new TaskResult(kube, identity);

    const began = performance.now();
    await assert.rejects(result.initialize(patient, never), { code: "Transient" });
    await assert.rejects(kube.request({ method: "GET", path: "/api/v1/namespaces/argo/secrets/s" }, never), {
      code: "Transient",
      retryAfterMs: 3_600_000,
    });

    assert.ok(performance.now() - began < 1000);
    assert.equal(server.requests.length, 2);
  });

  it("is written to the pod's annotations for a controller of Argo 3.5 where task results are forbidden", async (t) => {
    const rules = [{ verbs: ["patch"], apiGroups: [""], resources: ["pods"] }];
    const { server, kube } = await start(t, { rules });
    const pods = { group: "", version: "v1", resource: "pods" };
    server.create({ ...pods, namespace: "argo" }, { metadata: { namespace: "argo", name: "wf-main-1" } });
    const result = new TaskResult(kube, { ...identity, readsPodAnnotations: true });

    await result.initialize(patient, never);
    await result.reportOutputs({ result: "x" }, patient, never);
    await result.finalize(patient, never);

    const pod = server.find({ ...pods, namespace: "argo", name: "wf-main-1" }) as unknown as {
      metadata: { annotations: Record<string, string> };
    };
    assert.equal(pod.metadata.annotations[completed], "true");
    assert.equal(pod.metadata.annotations["workflows.argoproj.io/outputs"], '{"result":"x"}');
  });

  it("belongs to the workflow, or to the pod where the controller does not tell the workflow's UID", async (t) => {
    const { server, kube } = await start(t);
    const owners = () => (stored(server) as unknown as { metadata: { ownerReferences?: object[] } }).metadata;

    await new TaskResult(kube, identity).initialize(patient, never);
    const { workflowName: name, workflowUid: uid } = identity;
    assert.deepEqual(owners().ownerReferences, [
      { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name, uid },
    ]);

    const untold = { ...identity, nodeId: "wf-2", workflowUid: "" };
    await new TaskResult(kube, untold).initialize(patient, never);
    const second = server.find({ ...taskResults, namespace: "argo", name: "wf-2" });
    assert.deepEqual(second?.metadata.ownerReferences, [
      { apiVersion: "v1", kind: "Pod", name: identity.podName, uid: identity.podUid },
    ]);
  });

  it("S16: outputs that no object can hold are refused before anything is sent, naming the limit", async (t) => {
    const { server, kube } = await start(t);
    const result = new TaskResult(kube, identity);

    await assert.rejects(
      result.reportOutputs({ result: "x".repeat(2_000_000) }, patient, never),
      (error: ExecutorError) => error.code === "TooLarge" && /1500000/.test(error.message),
    );
    assert.equal(server.requests.length, 0);
  });
});
