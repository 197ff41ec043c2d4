import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { KubeClient } from "../../src/kube/index.ts";
import { startHeartbeat, writeStatus } from "../../src/supervisor/heartbeat.ts";
import { supervisor } from "../../src/supervisor/index.ts";
import type { Template } from "../../src/template/index.ts";
import { makePod } from "../inputs/pod-folder.ts";
import { startApiServer } from "../servers/api-server/index.ts";

const never = new AbortController().signal;
const taskResults = { group: "argoproj.io", version: "v1alpha1", resource: "workflowtaskresults" };

/** Runs the phase before main in a private folder, against a real API server. */
async function run(t: TestContext, template: Template, prepare: (runtime: string) => void = () => {}) {
  const server = await startApiServer({ token: "token" });
  t.after(() => server[Symbol.asyncDispose]());
  const { loader } = makePod(t);
  const { paths } = loader;
  prepare(paths.runtime);
  const connection = {
    server: new URL(server.url),
    namespace: "argo",
    tls: {},
    authorization: async () => "Bearer token",
  };
  const options = { userAgent: "test", idleTimeoutMs: 5000, transientPattern: undefined };
  const kube = new KubeClient(connection, options);
  t.after(() => kube[Symbol.asyncDispose]());
  const tools = {
    ...loader,
    openKube: async () => kube,
    listenForTerm: () => new AbortController().signal,
    explain: () => {},
    program: "argoexec",
  };
  const identity = {
    nodeId: "wf-1",
    podName: "wf-1",
    podUid: "9a4c1a7e-54a7-4b36-8a3b-0c8f3a1d2e4f",
    workflowName: "wf",
    workflowUid: "0d1e6c1e-8b0e-4c3b-9d5a-1f2e3d4c5b6a",
    instanceId: undefined,
    readsPodAnnotations: false,
  };
  const config = {
    template,
    templateJson: JSON.stringify(template),
    identity,
    paths,
    includesResult: false,
    isInitless: true,
    deadlineMs: undefined,
    gracePeriodMs: 30_000,
    progress: undefined,
    pluginContainers: [],
    inputPlugins: [],
    isPrepared: false,
  };
  const state = await supervisor(config, loader, tools, never);
  return { state, paths, result: server.find({ ...taskResults, namespace: "argo", name: "wf-1" }) };
}

describe("supervisor, before main", () => {
  it("stages, says READY, and makes the task result", async (t) => {
    const inputs = { artifacts: [{ name: "src", path: "/tmp/src", raw: { data: "in" } }] };

    const { state, paths, result } = await run(t, { container: {}, inputs });

    assert.equal(readFileSync(paths.status, "utf8"), "READY\n");
    assert.equal(readFileSync(paths.input("src"), "utf8"), "in");
    assert.match(readFileSync(paths.plan("main"), "utf8"), /^collector supervisor\ninput src \/tmp\/src$/m);
    assert.equal(result?.metadata.labels?.["workflows.argoproj.io/report-outputs-completed"], "false");
    assert.equal(state.isAnnounced, true);
    assert.equal(state.hasPreMainFailed, false);
    assert.deepEqual(state.errors, []);
  });

  it("tells main why it must not start, and makes the task result all the same", async (t) => {
    const inputs = { artifacts: [{ name: "src", path: "/tmp/src" }] };

    const { state, paths, result } = await run(t, { container: {}, inputs });

    const reason = "failed to load non-plugin input artifacts: required artifact 'src' not supplied";
    assert.equal(readFileSync(paths.status, "utf8"), `FAILED\n${reason}`);
    assert.equal(state.hasPreMainFailed, true);
    assert.deepEqual(state.errors, [reason]);
    assert.ok(result);
  });

  it("names the step that failed", async (t) => {
    // A file where the folder of plans has to go.
    const block = (runtime: string) => writeFileSync(`${runtime}/plan`, "");

    const { state, paths } = await run(t, { container: {} }, block);

    assert.match(state.errors[0] ?? "", /^failed to write template: /);
    assert.match(readFileSync(paths.status, "utf8"), /^FAILED\nfailed to write template: /);
  });
});

describe("the heartbeat", () => {
  it("is there at once, and stays silent once it was stopped", async (t) => {
    const { paths } = makePod(t).loader;

    const heartbeat = await startHeartbeat(paths);
    assert.equal(readFileSync(paths.status, "utf8"), "RUNNING\n");
    await heartbeat.stop();
    await writeStatus(paths, "READY\n");

    assert.equal(readFileSync(paths.status, "utf8"), "READY\n");
    assert.equal(statSync(paths.status).mode & 0o777, 0o644);
  });

  it("renews the time of the marker, which is what main looks at", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const { paths } = makePod(t).loader;
    const heartbeat = await startHeartbeat(paths);
    utimesSync(paths.status, 0, 0);

    t.mock.timers.tick(5000);
    await heartbeat.stop();

    assert.ok(statSync(paths.status).mtimeMs > 0);
  });

  it("fails at once on a volume that cannot be written", async (t) => {
    const { paths } = makePod(t).loader;
    rmSync(paths.runtime, { recursive: true });
    writeFileSync(paths.runtime, "");

    await assert.rejects(startHeartbeat(paths));
  });
});
