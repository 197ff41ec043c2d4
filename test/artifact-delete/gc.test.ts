import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { collectGarbage } from "../../src/artifact-delete/index.ts";
import { openDriver } from "../../src/artifacts/index.ts";
import { GcTasks, KubeClient } from "../../src/kube/index.ts";
import type { Artifact, ArtifactLocation } from "../../src/template/index.ts";
import { keysOf, surroundings } from "../drivers/surroundings.ts";
import { type ApiServer, startApiServer } from "../servers/api-server/index.ts";
import { type ObjectServer, startObjectServer } from "../servers/object-server/index.ts";

const never = new AbortController().signal;
const gcTasks = {
  group: "argoproj.io",
  version: "v1alpha1",
  resource: "workflowartifactgctasks",
  namespace: "argo",
};

interface Surroundings {
  readonly api: ApiServer;
  readonly store: ObjectServer;
  readonly archive: ArtifactLocation;
  /** Runs the job for the tasks with label "1". */
  run(): Promise<void>;
  /** What stops it. */
  readonly stop: AbortController;
}

interface Options {
  readonly reportIntervalMs?: number;
  /** Told after each batch of deletions. */
  readonly onBatch?: (stop: AbortController) => void;
}

async function start(t: TestContext, { reportIntervalMs, onBatch }: Options = {}): Promise<Surroundings> {
  const directory = await mkdtemp(join(tmpdir(), "outrider-gc-"));
  t.after(() => rm(directory, { recursive: true }));
  const store = await startObjectServer({ directory, accessKey: "access", secretKey: "secret" });
  t.after(() => store[Symbol.asyncDispose]());
  store.createBucket("bucket");
  const api = await startApiServer({ token: "token" });
  t.after(() => api[Symbol.asyncDispose]());
  const connection = {
    server: new URL(api.url),
    namespace: "argo",
    tls: {},
    authorization: async () => "Bearer token",
  };
  const kube = new KubeClient(connection, {
    userAgent: "t",
    idleTimeoutMs: 5000,
    transientPattern: undefined,
  });
  t.after(() => kube[Symbol.asyncDispose]());
  const context = surroundings({ "keys/access": "access", "keys/secret": "secret" });
  const stop = new AbortController();
  const tools = {
    tasks: new GcTasks(kube, { patienceMs: 10_000 }),
    openDriver: async (location: ArtifactLocation) => {
      const driver = await openDriver(location, context);
      const deleteMany: typeof driver.deleteMany = async (artifacts, signal) => {
        const outcomes = await driver.deleteMany(artifacts, signal);
        onBatch?.(stop);
        return outcomes;
      };
      return { ...driver, deleteMany };
    },
    log: { ...context.log, error: () => {} },
    ...(reportIntervalMs === undefined ? {} : { reportIntervalMs }),
  };
  const s3 = {
    endpoint: store.endpoint,
    bucket: "bucket",
    insecure: true,
    region: "us-east-1",
    accessKeySecret: { name: "keys", key: "access" },
    secretKeySecret: { name: "keys", key: "secret" },
    key: "{{workflow.name}}/{{pod.name}}",
  };
  const run = () => collectGarbage(tools, "1", { stop: stop.signal, abort: never });
  return { api, store, archive: { s3 }, run, stop };
}

function createTask(
  { api, archive }: Surroundings,
  name: string,
  artifacts: readonly Artifact[],
  archiveLocation: ArtifactLocation | undefined = archive,
): void {
  const node = {
    ...(archiveLocation ? { archiveLocation } : {}),
    artifacts: Object.fromEntries(artifacts.map((artifact) => [artifact.name, artifact])),
  };
  api.create(gcTasks, {
    metadata: { name, labels: { "workflows.argoproj.io/artifact-gc-pod": "1" } },
    spec: { artifactsByNode: { "node-1": node } },
  });
}

function results({ api }: Surroundings, name: string): Record<string, { success?: boolean; error?: string }> {
  const task = api.find({ ...gcTasks, name }) as {
    status?: {
      artifactResultsByNode: Record<
        string,
        { artifactResults: Record<string, { success?: boolean; error?: string }> }
      >;
    };
  };
  return task.status?.artifactResultsByNode["node-1"]?.artifactResults ?? {};
}

async function put({ archive }: Surroundings, ...keys: string[]): Promise<void> {
  const context = surroundings({ "keys/access": "access", "keys/secret": "secret" });
  await using driver = await openDriver(archive, context);
  const { Readable } = await import("node:stream");
  for (const key of keys) {
    const content = {
      name: "x",
      sizeBytes: 1,
      replayable: true,
      open: () => Readable.from([Buffer.from("x")]),
    };
    await driver.saveFile({ name: "x", s3: { ...archive.s3, key } }, content, never);
  }
}

async function keys({ archive }: Surroundings): Promise<readonly string[]> {
  const context = surroundings({ "keys/access": "access", "keys/secret": "secret" });
  await using driver = await openDriver(archive, context);
  try {
    return await keysOf(driver, { name: "all", s3: { ...archive.s3, key: "" } }, never);
  } catch {
    // Nothing is stored at all.
    return [];
  }
}

describe("artifact garbage collection", () => {
  it("deletes files, R23: directories with or without a slash at the end, R25: logs, and counts the absent as deleted", async (t) => {
    const all = await start(t);
    await put(
      all,
      "wf/file.tgz",
      "wf/dir/a",
      "wf/dir/b/c",
      "wf/slash/x",
      "wf/main.log",
      "wf/dir2/keep",
      "keep",
    );
    createTask(all, "task", [
      { name: "file", s3: { key: "wf/file.tgz" } },
      { name: "dir", s3: { key: "wf/dir" } },
      { name: "slash", s3: { key: "wf/slash/" } },
      { name: "main-logs", s3: { key: "wf/main.log" } },
      { name: "gone", s3: { key: "wf/never-written" } },
    ]);

    await all.run();

    assert.deepEqual(await keys(all), ["keep", "wf/dir2/keep"]);
    for (const [name, result] of Object.entries(results(all, "task"))) {
      assert.deepEqual(result, { name, success: true });
    }
    assert.equal(Object.keys(results(all, "task")).length, 5);
  });

  it("R24: reports what cannot be deleted and goes on with everything else", async (t) => {
    const all = await start(t);
    await put(all, "a", "b");
    createTask(all, "task", [
      { name: "a", s3: { key: "a" } },
      { name: "no-bucket", s3: { ...all.archive.s3, bucket: "nowhere", key: "k" } },
      {
        name: "no-secret",
        s3: { ...all.archive.s3, accessKeySecret: { name: "absent", key: "k" }, key: "k" },
      },
      { name: "git", git: { repo: "https://example.com/r.git" } },
      { name: "b", s3: { key: "b" } },
    ]);
    createTask(all, "unlocated", [{ name: "x", s3: { key: "x" } }], { archiveLogs: true });

    await all.run();

    const task = results(all, "task");
    assert.deepEqual(await keys(all), []);
    assert.equal(task.a?.success, true);
    assert.equal(task.b?.success, true);
    assert.match(task["no-bucket"]?.error ?? "", /bucket does not exist/);
    assert.match(task["no-secret"]?.error ?? "", /open \/argo\/secret\/absent\/k: no such file/);
    assert.match(task.git?.error ?? "", /^delete not supported for this artifact storage/);
    assert.ok(results(all, "unlocated").x?.error);
  });

  it("deletes 1,000 keys a request and reports a task that is soon done in one patch with a small answer", async (t) => {
    const all = await start(t);
    const names = Array.from({ length: 2500 }, (_, index) => `a${index}`);
    await put(all, "a7", "a2499");
    createTask(
      all,
      "task",
      names.map((name) => ({ name, s3: { key: name } })),
    );
    all.store.clearRequests();

    await all.run();

    const deletes = all.store.requests.filter(({ method }) => method === "POST");
    assert.equal(deletes.length, 3);
    assert.equal(Object.keys(results(all, "task")).length, 2500);
    assert.deepEqual(await keys(all), []);
    const patches = all.api.requests.filter(({ method }) => method === "PATCH");
    assert.equal(patches.length, 1);
    assert.match(patches[0]?.headers.accept ?? "", /^application\/json;as=Table;/);
  });

  it("looks for directories in a listing that stops where the batch ends", async (t) => {
    const all = await start(t);
    const strangers = Array.from({ length: 40 }, (_, index) => `z${index}`);
    await put(all, "a", ...strangers);
    createTask(all, "task", [
      { name: "a", s3: { key: "a" } },
      { name: "b", s3: { key: "b" } },
    ]);
    all.store.clearRequests();

    await all.run();

    const listings = all.store.requests.filter(({ method }) => method === "GET");
    assert.deepEqual(
      listings.map(({ query }) => query["max-keys"]),
      ["16"],
    );
    assert.equal((await keys(all)).length, strangers.length);
  });

  it("reports what is deleted while a slow store still works on the rest", async (t) => {
    const all = await start(t, { reportIntervalMs: 20 });
    const names = Array.from({ length: 1500 }, (_, index) => `a${index}`);
    createTask(
      all,
      "task",
      names.map((name) => ({ name, s3: { key: name } })),
    );
    all.store.addFault({ match: { method: "POST" }, times: 1, kind: "delay", ms: 700 });

    await all.run();

    assert.equal(all.api.requests.filter(({ method }) => method === "PATCH").length, 2);
    assert.equal(Object.keys(results(all, "task")).length, 1500);
  });

  it("reads tasks without their field owners, whatever the artifacts are called", async (t) => {
    const all = await start(t);
    await put(all, "a", "b");
    const artifacts = {
      fieldsV1: { name: "fieldsV1", s3: { key: "a" } },
      manager: { name: "manager", s3: { key: "b" } },
    };
    const fieldsV1 = { "f:spec": { "f:artifactsByNode": { 'k:{"name":"manager"}': {} } } };
    const managedFields = [
      {
        apiVersion: "argoproj.io/v1alpha1",
        fieldsType: "FieldsV1",
        fieldsV1,
        manager: "argo",
        operation: "Update",
      },
      {
        apiVersion: "argoproj.io/v1alpha1",
        fieldsType: "FieldsV1",
        fieldsV1,
        manager: "us",
        operation: "Update",
      },
    ];
    const labels = { "workflows.argoproj.io/artifact-gc-pod": "1" };
    all.api.create(gcTasks, {
      metadata: { name: "task", labels, managedFields } as { name: string },
      spec: { artifactsByNode: { "node-1": { archiveLocation: all.archive, artifacts } } },
    });

    await all.run();

    assert.deepEqual(Object.keys(results(all, "task")), ["fieldsV1", "manager"]);
    assert.deepEqual(await keys(all), []);
  });

  it("reports what is deleted when it is stopped", async (t) => {
    const all = await start(t, { onBatch: (stop) => stop.abort() });
    const names = Array.from({ length: 1500 }, (_, index) => `a${index}`);
    createTask(
      all,
      "task",
      names.map((name) => ({ name, s3: { key: name } })),
    );
    all.store.addFault({ match: { method: "POST" }, times: 1, kind: "stall", ms: 60_000 });

    await assert.rejects(all.run());

    assert.equal(Object.keys(results(all, "task")).length, 500);
  });

  it("collects all tasks of a job, each once, even where the API server forgets the listing in between", async (t) => {
    const all = await start(t);
    await put(all, "a0", "a1", "a2");
    for (const index of [0, 1, 2])
      createTask(all, `task-${index}`, [{ name: "a", s3: { key: `a${index}` } }]);
    const isListed = all.api.waitForRequest(({ method, isDone }) => method === "GET" && isDone);
    const forgotten = { match: { verb: "list" }, times: 1, kind: "status", status: 410 } as const;
    void isListed.then(() => all.api.addFault({ ...forgotten, reason: "Expired" }));

    await all.run();

    assert.deepEqual(await keys(all), []);
    for (const index of [0, 1, 2]) assert.equal(results(all, `task-${index}`).a?.success, true);
    const statuses = all.api.requests.filter(({ method }) => method === "GET").map(({ status }) => status);
    assert.deepEqual(statuses, [200, 410, 200, 200, 200]);
    assert.equal(all.api.requests.filter(({ method }) => method === "PATCH").length, 3);
  });

  it("asks again where the API server or the store is away for a moment", async (t) => {
    const all = await start(t);
    await put(all, "a");
    createTask(all, "task", [{ name: "a", s3: { key: "a" } }]);
    all.api.addFault({ match: { verb: "list" }, times: 1, kind: "status", status: 503 });
    all.api.addFault({ match: { verb: "patch" }, times: 1, kind: "drop" });
    all.store.addFault({
      match: { method: "POST" },
      times: 1,
      kind: "status",
      status: 503,
      code: "SlowDown",
    });

    await all.run();

    assert.deepEqual(results(all, "task"), { a: { name: "a", success: true } });
  });
});
