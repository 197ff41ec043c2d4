import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryFolder } from "../desk/object-client.ts";
import type { ApiServer } from "../servers/api-server/index.ts";
import { never, startArchive, startCluster } from "./clients.ts";
import { outcomeOf, type S3Side, type SyncOutcome, s3Side, startSync, sync } from "./sync.ts";
import { type WorkflowSketch, workflowObject, workflowsResource } from "./workflow-objects.ts";

const resultsResource = { ...workflowsResource, resource: "workflowtaskresults" } as const;

interface Stage {
  readonly api: ApiServer;
  readonly source: S3Side;
  readonly target: S3Side;
  /** Makes a workflow, or changes it. */
  create(sketch: WorkflowSketch): void;
  change(sketch: WorkflowSketch): Promise<void>;
  remove(name: string): Promise<void>;
  report(name: string, workflow: string, key: string): void;
  readonly args: readonly string[];
  run(...more: readonly string[]): Promise<SyncOutcome>;
}

/** Two stores and a cluster whose workflows write to the first; a run that was whole has left a cursor. */
async function start(t: TestContext): Promise<Stage> {
  const [source, target] = [await s3Side(t), await s3Side(t)];
  const { api, kube, create } = await startCluster(t);
  const namespace = "argo";
  const pathOf = (name: string) => `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflows/${name}`;
  const connection = ["--server", api.url, "--token", "token"];
  const args = ["run", source.url(), target.url(), ...connection];
  // What is there before anything else, so that the cluster has a version.
  create({ name: "first", outputs: { data: "first/data" } });
  await source.put("first/data", "first");
  return {
    api,
    source,
    target,
    create,
    async change(sketch) {
      const path = pathOf(sketch.name);
      const now = await kube.request<{ metadata: object }>({ method: "GET", path }, never);
      const { status, metadata } = workflowObject(sketch);
      const body = { ...now, metadata: { ...now.metadata, labels: metadata.labels }, status };
      await kube.send({ method: "PUT", path, body, contentType: "application/json" }, never);
    },
    async remove(name) {
      await kube.send({ method: "DELETE", path: pathOf(name) }, never);
    },
    report(name, workflow, key) {
      api.create(
        { ...resultsResource, namespace },
        {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "WorkflowTaskResult",
          metadata: { name, namespace, labels: { "workflows.argoproj.io/workflow": workflow } },
          outputs: { artifacts: [{ name: "data", path: "/d", s3: { key } }] },
        },
      );
    },
    args,
    run: (...more) => sync([...args, ...more]),
  };
}

/** Prefixes that the source was listed by. */
function listings({ server }: S3Side): readonly (string | undefined)[] {
  return server.requests
    .filter(({ method, query }) => method === "GET" && query["list-type"] === "2")
    .map(({ query }) => query.prefix);
}

describe("argoexec sync --since", { concurrency: 3 }, () => {
  it("compares everything once, and from then on what workflows and task results name, without listing the rest", async (t) => {
    const stage = await start(t);
    const { source, target, create, report, run } = stage;

    const whole = await run("--since", "last");
    create({ name: "second", outputs: { data: "second/file", tree: "second/tree" } });
    report("second-1", "second", "second/reported");
    await source.put("second/file", "2");
    await source.put("second/tree/a", "a");
    await source.put("second/tree/b/c", "c");
    await source.put("second/reported", "r");
    await source.put("nobody", "n");
    source.server.clearRequests();
    target.server.clearRequests();
    const changed = await run("--since", "last");
    const copied = Object.keys(await target.contents()).sort();
    const listed = [...listings(source), ...source.objectRequests("HEAD")];
    const again = await run("--since", "last");

    assert.deepEqual([whole.status, changed.status, again.status], [0, 0, 0], whole.stderr + changed.stderr);
    assert.match(
      whole.lastLine,
      /everything was compared: no run with these arguments has left a cursor yet/,
    );
    assert.match(changed.lastLine, /^done: 4 copied, .*1 workflows and 1 task results have changed since 20/);
    assert.deepEqual(copied, [
      "first/data",
      "second/file",
      "second/reported",
      "second/tree/a",
      "second/tree/b/c",
    ]);
    assert.ok(!listed.includes("") && !listed.includes(undefined), `listed ${JSON.stringify(listed)}`);
    assert.ok(listed.includes("second/tree/"));
    assert.ok(!listed.some((each) => each?.includes("first")), "what has not changed is not asked for");
    assert.match(again.lastLine, /nothing had to be done/);
    assert.match(again.lastLine, /0 workflows and 0 task results have changed/);
  });

  it("is told by plan without moving on, and verified alone", async (t) => {
    const { source, target, create, args, run } = await start(t);
    await run("--since", "last");
    create({ name: "second", outputs: { data: "second/data" } });
    await source.put("second/data", "2");
    await source.put("nobody", "n");
    const [, ...rest] = args;

    const planned = await sync(["plan", ...rest, "--since", "last"]);
    const missing = await sync(["verify", ...rest, "--since", "last"]);
    const copied = await run("--since", "last");
    const cursor = copied.report?.cursor ?? "";
    await target.put("second/data", "other");
    const later = await sync(["verify", ...rest, "--since", cursor]);

    assert.match(planned.lastLine, /^1 would be copied, .*1 workflows and 0 task results have changed/);
    assert.deepEqual([missing.status, missing.report?.totals.missing?.objects], [10, 1], missing.lastLine);
    assert.equal(missing.report?.totals.equal, undefined, "only what has changed is compared");
    assert.match(copied.lastLine, /^done: 1 copied/);
    assert.match(later.lastLine, /^verified: 0 objects/, "it has not changed in the cluster since");
  });

  it("knows what a workflow wrote that was made and deleted between two runs", async (t) => {
    const { source, target, create, remove, run } = await start(t);
    await run("--since", "last");
    create({ name: "short", outputs: { data: "short/data" } });
    await source.put("short/data", "s");
    await remove("short");

    const { status, lastLine } = await run("--since", "last");

    assert.equal(status, 0, lastLine);
    assert.deepEqual(Object.keys(await target.contents()).sort(), ["first/data", "short/data"]);
  });

  it("compares everything, and says so, where the API server has forgotten what happened since", async (t) => {
    const { api, source, target, create, run } = await start(t);
    await run("--since", "last");
    create({ name: "second", outputs: { data: "second/data" } });
    await source.put("second/data", "2");
    await source.put("nobody", "n");
    api.forgetChanges();

    const { status, lastLine } = await run("--since", "last");
    const after = await run("--since", "last");

    assert.equal(status, 0, lastLine);
    assert.match(lastLine, /everything was compared: the API server does not remember/);
    assert.deepEqual(Object.keys(await target.contents()).sort(), ["first/data", "nobody", "second/data"]);
    assert.match(after.lastLine, /0 workflows and 0 task results have changed/);
  });

  it("compares everything where the cluster is not the one, or not in the state, that the cursor is from", async (t) => {
    const { source, target, run } = await start(t);
    const { report } = await run("--since", "last");
    const cursor = JSON.parse(Buffer.from(report?.cursor ?? "", "base64url").toString());
    const [path] = Object.keys(cursor.versions);
    const encode = (versions: object) =>
      Buffer.from(JSON.stringify({ ...cursor, versions })).toString("base64url");
    await source.put("nobody", "n");

    const younger = await run("--since", encode({ ...cursor.versions, [path ?? ""]: "999999" }));
    const contents = await target.contents();
    const fewer = await run("--since", encode({}));

    assert.match(younger.lastLine, /everything was compared: the cluster is younger than the cursor/);
    assert.ok("nobody" in contents);
    assert.match(fewer.lastLine, /everything was compared: the cursor knows nothing of/);
  });

  it("does not go on from a run that failed: the next one tries the same changes again", async (t) => {
    const { source, target, create, run } = await start(t);
    await run("--since", "last");
    create({ name: "second", outputs: { data: "second/data" } });
    await source.put("second/data", "2");
    target.server.addFault({
      match: { method: "PUT", key: "second/data" },
      kind: "status",
      status: 403,
      code: "AccessDenied",
    });

    const failed = await run("--since", "last");
    target.server.clearFaults();
    const mended = await run("--since", "last");

    assert.equal(failed.status, 20, failed.lastLine);
    assert.equal(failed.report?.cursor, undefined);
    assert.match(mended.lastLine, /^done: 1 copied, .*1 workflows and 0 task results have changed/);
    assert.deepEqual(Object.keys(await target.contents()).sort(), ["first/data", "second/data"]);
  });

  it("takes a cursor from a report, and refuses one of another selection, and what is none", async (t) => {
    const { source, target, create, run } = await start(t);
    const { report } = await run("--since", "last");
    const cursor = report?.cursor ?? "";
    create({ name: "second", outputs: { data: "second/data" } });
    await source.put("second/data", "2");

    const other = await run("--since", cursor, "--include", "second/**");
    const garbage = await run("--since", "yesterday");
    const before = await target.contents();
    const given = await run("--since", cursor);

    assert.deepEqual([other.status, garbage.status, given.status], [64, 64, 0], given.stderr);
    assert.match(other.lastLine, /a cursor of another source, target, cluster or selection/);
    assert.match(garbage.lastLine, /--since is "last", or the cursor that a report/);
    assert.deepEqual(Object.keys(before), ["first/data"]);
    assert.deepEqual(Object.keys(await target.contents()).sort(), ["first/data", "second/data"]);
  });

  it("is refused with flags that need to know everything", async (t) => {
    const { run } = await start(t);

    const refused = [
      await run("--since", "last", "--delete"),
      await run("--since", "last", "--shard", "0", "--shards", "2"),
      await run("--since", "last", "--older-than", "1h"),
      await run("--since", "last", "--without-cluster"),
    ];

    assert.deepEqual(
      refused.map(({ status }) => status),
      [64, 64, 64, 64],
    );
    assert.match(refused[0]?.lastLine ?? "", /^--since does not go with --delete: what only the target has/);
  });

  it("selects by what workflows are now, and looks again when that changes", async (t) => {
    const { source, target, create, change, report, run } = await start(t);
    const selection = ["--phase", "Succeeded"];
    await run("--since", "last", ...selection);
    create({ name: "second", phase: "Running", outputs: { data: "second/data" } });
    report("second-1", "second", "second/reported");
    await source.put("second/data", "2");
    await source.put("second/reported", "r");

    const running = await run("--since", "last", ...selection);
    const before = Object.keys(await target.contents());
    await change({ name: "second", outputs: { data: "second/data", more: "second/reported" } });
    const done = await run("--since", "last", ...selection);

    assert.deepEqual([running.status, done.status], [0, 0], done.stderr);
    assert.deepEqual(before, ["first/data"]);
    assert.deepEqual(Object.keys(await target.contents()).sort(), [
      "first/data",
      "second/data",
      "second/reported",
    ]);
  });

  it("lists what a workflow may have written whose nodes are offloaded, or else compares everything", async (t) => {
    const { source, target, create, run } = await start(t);
    await run("--since", "last");
    const status = { nodes: undefined, offloadNodeStatusVersion: "fnv:1" };
    create({ name: "big", status });
    await source.put("big/big-1/data", "1");
    source.server.clearRequests();

    const listed = await run("--since", "last");
    const prefixes = listings(source);
    create({
      name: "bigger",
      status,
      spec: {
        templates: [
          { name: "m", outputs: { artifacts: [{ name: "d", s3: { key: "{{inputs.parameters.x}}/d" } }] } },
        ],
      },
    });
    await source.put("anywhere/d", "2");
    const whole = await run("--since", "last");
    const copied = Object.keys(await target.contents()).sort();

    assert.match(listed.lastLine, /^done: 1 copied/);
    assert.deepEqual(prefixes, ["big/big"]);
    assert.match(whole.lastLine, /everything was compared: argo\/bigger may have written anywhere/);
    assert.deepEqual(copied, ["anywhere/d", "big/big-1/data", "first/data"]);
  });

  it("asks the Argo server for nodes that are offloaded", async (t) => {
    const { api, source, target, create, run } = await start(t);
    const { server: argo } = await startArchive(t);
    const asking = [
      "--since",
      "last",
      "--argo-server",
      argo.url,
      "--argo-token-file",
      join(await temporaryFolder(t), "token"),
    ];
    await writeFile(asking.at(-1) ?? "", "argo");
    await run(...asking);
    create({ name: "big", status: { nodes: undefined, offloadNodeStatusVersion: "fnv:1" } });
    const uid = api.find({ ...workflowsResource, namespace: "argo", name: "big" })?.metadata.uid ?? "";
    argo.live.push(workflowObject({ name: "big", uid, outputs: { data: "elsewhere/data" } }));
    await source.put("elsewhere/data", "3");

    const { status, lastLine } = await run(...asking);

    assert.equal(status, 0, lastLine);
    assert.match(lastLine, /^done: 1 copied/);
    assert.deepEqual(Object.keys(await target.contents()).sort(), ["elsewhere/data", "first/data"]);
  });

  it("loses nothing where a whole run was stopped and gone on with: its cursor is the first one's", async (t) => {
    const { source, target, args, create, run } = await start(t);
    await source.put("zz", "last of all");
    source.server.addFault({ match: { method: "GET", key: "zz" }, kind: "stall", ms: 600_000 });
    const stopped = startSync([...args, "--since", "last"]);
    const ended = outcomeOf(stopped);
    await target.server.waitForRequest(
      ({ method, key, isDone }) => method === "PUT" && key === "first/data" && isDone,
    );
    await source.server.waitForRequest(({ method, key }) => method === "GET" && key === "zz");
    stopped.kill("SIGTERM");
    const first = await ended;
    source.server.clearFaults();
    // Before the key where the next run goes on.
    create({ name: "early", outputs: { data: "aa" } });
    await source.put("aa", "early");

    const resumed = await run("--since", "last");
    const missed = await target.contents();
    const since = await run("--since", "last");

    assert.equal(first.status, 10, first.stderr);
    assert.deepEqual(Object.keys(missed).sort(), ["first/data", "zz"], resumed.stderr);
    assert.equal(since.status, 0, since.stderr);
    assert.deepEqual(Object.keys(await target.contents()).sort(), ["aa", "first/data", "zz"]);
  });
});
