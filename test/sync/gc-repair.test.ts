import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openGcStore, type RepairJob, repairGc } from "../../src/sync/gc-repair/index.ts";
import { collect, never } from "./clients.ts";
import { type Stage, startStage } from "./stage.ts";
import { type WorkflowSketch, workflowsResource } from "./workflow-objects.ts";

const finalizer = "workflows.argoproj.io/artifact-gc";
/** What a controller leaves whose GC pod has failed: the strategy counts as processed, and is never tried again. */
const stuck: WorkflowSketch = {
  name: "stuck",
  finalizers: [finalizer],
  spec: { artifactGC: { strategy: "OnWorkflowCompletion" } },
  status: { artifactGCStatus: { strategiesProcessed: { OnWorkflowCompletion: true } } },
  outputs: {
    data: "stuck/stuck/data.tgz",
    tree: "stuck/stuck/tree",
    gone: { path: "/g", s3: { key: "stuck/stuck/gone" }, deleted: true },
    kept: { path: "/k", s3: { key: "stuck/stuck/kept" }, artifactGC: { strategy: "Never" } },
    later: { path: "/l", s3: { key: "stuck/stuck/later" }, artifactGC: { strategy: "OnWorkflowDeletion" } },
    "main-logs": { s3: { key: "stuck/stuck/main.log" } },
  },
};
const objects = ["data.tgz", "tree/a", "tree/b/c", "kept", "later", "main.log"].map(
  (name) => `stuck/stuck/${name}`,
);

async function start(t: TestContext) {
  const stage = await startStage(t);
  await stage.put(...objects);
  const run = async (changes: Partial<RepairJob> = {}) =>
    await collect(
      repairGc(
        {
          cluster: { client: stage.kube, namespaces: [] },
          store: await openGcStore(stage.repository, stage.search.sources, never),
          olderThanMs: 3_600_000,
          deletes: true,
          patchesStatus: false,
          removesFinalizer: false,
          maxDelete: 1000,
          ...changes,
        },
        never,
      ),
    );
  return { ...stage, run };
}

interface Found {
  readonly metadata: { readonly finalizers?: readonly string[] };
  readonly status: {
    readonly nodes: Record<string, { outputs: { artifacts: { name: string; deleted?: boolean }[] } }>;
  };
}
const find = ({ api }: Stage, name = "stuck") =>
  api.find({ ...workflowsResource, namespace: "argo", name }) as Found | undefined;
const deletedIn = (stage: Stage) =>
  find(stage)
    ?.status.nodes.stuck?.outputs.artifacts.filter(({ deleted }) => deleted)
    .map(({ name }) => name);

describe("sync gc", () => {
  it("deletes what a strategy that was begun has left, directories and logs included, and nothing that another strategy keeps", async (t) => {
    const stage = await start(t);
    stage.create(stuck);

    const [result, ...others] = await stage.run();

    assert.deepEqual(others, []);
    assert.deepEqual([result?.due, result?.deleted, result?.problems], [3, 3, []]);
    assert.deepEqual(await stage.keys(), ["stuck/stuck/kept", "stuck/stuck/later"]);
    assert.deepEqual(deletedIn(stage), ["gone"]);
    assert.deepEqual(find(stage)?.metadata.finalizers, [finalizer]);
  });

  it("only says what there is where it is not told to delete", async (t) => {
    const stage = await start(t);
    stage.create(stuck);

    const [result] = await stage.run({ deletes: false, patchesStatus: true, removesFinalizer: true });

    assert.deepEqual([result?.due, result?.deleted], [3, 0]);
    assert.equal((await stage.keys()).length, objects.length);
    assert.deepEqual(deletedIn(stage), ["gone"]);
  });

  it("notes in the status what it has deleted, and takes the finalizer out once nothing is left, where it is told to", async (t) => {
    const stage = await start(t);
    const { later: _, ...outputs } = stuck.outputs ?? {};
    stage.create({ ...stuck, outputs });

    const [result] = await stage.run({ patchesStatus: true, removesFinalizer: true });

    assert.deepEqual([result?.isPatched, result?.isReleased], [true, true]);
    assert.deepEqual(deletedIn(stage), ["data", "tree", "gone", "main-logs"]);
    assert.deepEqual(find(stage)?.metadata.finalizers ?? [], []);
  });

  it("keeps the finalizer while a strategy waits for its time, or an object could not be deleted", async (t) => {
    const stage = await start(t);
    stage.create(stuck);
    await stage.run({ patchesStatus: true, removesFinalizer: true });
    const waits = find(stage)?.metadata.finalizers;
    const { later: _, ...outputs } = stuck.outputs ?? {};
    stage.create({ ...stuck, name: "other", outputs: { ...outputs, data: "stuck/stuck/later" } });
    for (const method of ["POST", "DELETE"]) {
      stage.store.addFault({ match: { method }, kind: "status", status: 403, code: "AccessDenied" });
    }

    const results = await stage.run({ patchesStatus: true, removesFinalizer: true });

    assert.deepEqual(waits, [finalizer]);
    assert.deepEqual(find(stage, "other")?.metadata.finalizers, [finalizer]);
    assert.match(results[0]?.problems.join() ?? "", /used by argo\/stuck|denied/i);
  });

  it("leaves alone what is young, runs, has a GC pod under way, or whose strategy the controller has not begun", async (t) => {
    const stage = await start(t);
    const now = new Date().toISOString();
    stage.create({ ...stuck, name: "young", finishedAt: now });
    stage.create({ ...stuck, name: "running", phase: "Running" });
    stage.create({ ...stuck, name: "waiting", status: {} });
    stage.create({ ...stuck, name: "free", finalizers: [] });
    stage.create({
      ...stuck,
      name: "offloaded",
      status: { ...stuck.status, nodes: undefined, offloadNodeStatusVersion: "v" },
    });
    stage.create(stuck);
    const labels = {
      "workflows.argoproj.io/component": "artifact-gc",
      "workflows.argoproj.io/workflow": "stuck",
    };
    stage.api.create(
      { group: "", version: "v1", resource: "pods", namespace: "argo" },
      { metadata: { name: "stuck-artgc", labels }, status: { phase: "Running" } },
    );

    const results = await stage.run();

    assert.deepEqual(
      results.map(({ workflow, deleted, problems }) => [workflow, deleted, problems]),
      [["argo/stuck", 0, ["a pod of artifact GC is under way"]]],
    );
    assert.equal((await stage.keys()).length, objects.length);
  });

  it("takes the finalizer from no workflow that runs or whose nodes are unknown, though it seems to have nothing left", async (t) => {
    const stage = await start(t);
    stage.create({ ...stuck, name: "running", phase: "Running", outputs: {} });
    const offloaded = { ...stuck.status, nodes: undefined, offloadNodeStatusVersion: "v" };
    stage.create({ ...stuck, name: "offloaded", status: offloaded });
    stage.create({ ...stuck, name: "empty", outputs: {} });

    const results = await stage.run({ removesFinalizer: true });

    assert.deepEqual(
      results.map(({ workflow, isReleased }) => [workflow, isReleased]),
      [["argo/empty", true]],
    );
    for (const name of ["running", "offloaded"]) {
      assert.deepEqual(find(stage, name)?.metadata.finalizers, [finalizer]);
    }
  });

  it("keeps what another workflow reads, what lies in another store, and more than --max-delete", async (t) => {
    const stage = await start(t);
    const elsewhere = {
      path: "/e",
      s3: { endpoint: "s3.example.com", bucket: "other", key: "stuck/stuck/main.log" },
    };
    stage.create({
      ...stuck,
      outputs: { data: "stuck/stuck/data.tgz", elsewhere, tree: "stuck/stuck/tree" },
    });
    stage.create({ name: "reader", phase: "Running", inputs: { data: "stuck/stuck/data.tgz" } });
    stage.create({ ...stuck, name: "half", outputs: { a: "half/half/a", b: "half/half/b" } });
    stage.create({
      name: "above",
      phase: "Running",
      inputs: { all: "half/half/a/b/c", tree: "half/half/b/" },
    });

    const bounded = await stage.run({ maxDelete: 2 });
    const before = await stage.keys();
    const [half, result] = await stage.run();

    assert.match(
      bounded[1]?.problems.join() ?? "",
      /3 artifacts are more than what --max-delete leaves \(2\)/,
    );
    assert.equal(before.length, objects.length);
    assert.deepEqual(half?.problems, [
      "half/half/a is used by argo/above",
      "half/half/b is used by argo/above",
    ]);
    assert.equal(result?.deleted, 1);
    assert.deepEqual(result?.problems, [
      "stuck/stuck/data.tgz is used by argo/reader",
      "stuck/stuck/main.log lies in another store",
    ]);
    assert.deepEqual(await stage.keys(), objects.filter((key) => !key.includes("/tree/")).toSorted());
  });

  it("leaves keys that drivers do not agree on, and takes one with a slash at its end for the directory that it is", async (t) => {
    const stage = await start(t);
    stage.create({
      ...stuck,
      outputs: { odd: "/stuck/stuck/kept", twice: "stuck//stuck/later", tree: "stuck/stuck/tree/" },
    });

    const [result] = await stage.run();

    assert.equal(result?.deleted, 1);
    assert.equal(result?.problems.length, 2);
    assert.deepEqual(await stage.keys(), objects.filter((key) => !key.includes("/tree/")).toSorted());
  });

  it("deletes nothing where a list of workflows, of pods or of caches cannot be read", async (t) => {
    const stage = await start(t);
    stage.create(stuck);

    for (const resource of ["workflows", "configmaps", "pods"]) {
      stage.api.addFault({ match: { resource, verb: "list" }, times: 1, kind: "status", status: 403 });
      await assert.rejects(stage.run(), new RegExp(`grant "list" on ${resource}`));
    }

    assert.equal((await stage.keys()).length, objects.length);
  });
});
