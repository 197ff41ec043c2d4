import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiRequestRecord } from "../servers/api-server/index.ts";
import { startFront } from "../servers/front.ts";
import { manifest, openDesk } from "./desk.ts";

const parameters = [
  { name: "colour", valueFrom: { jsonPath: "{.data.colour}" } },
  { name: "count", valueFrom: { jqFilter: ".data.count | tonumber + 1" } },
  { name: "gone", valueFrom: { jsonPath: "{.data.nothing}", default: "unused" } },
];
const isWatch = ({ query }: ApiRequestRecord) => query.watch === "true";
const reads = (requests: readonly ApiRequestRecord[]) =>
  requests.filter(({ method, path }) => method === "GET" && path.endsWith("/configmaps/c"));
const limit = () => AbortSignal.timeout(60_000);

describe("argoexec resource", { concurrency: 2 }, () => {
  it("creates, reports output parameters by jsonPath and jq, and sets the label", async (t) => {
    const desk = await openDesk(t);
    const resource = { manifest: manifest("c", '{colour: green, count: "3"}') };

    const { code, log } = await desk.resource("create", resource, { outputs: { parameters } }).ended;

    assert.equal(code, 0, log);
    assert.deepEqual(desk.parameters, { colour: "green", count: "4", gone: "" });
    assert.equal(desk.label, "true");
    assert.deepEqual(desk.find("c")?.data, { colour: "green", count: "3" });
  });

  it("ends as soon as the condition holds, without asking in between", async (t) => {
    const desk = await openDesk(t);
    const resource = { manifest: manifest("c"), successCondition: "data.state == ready" };
    const running = desk.resource("create", resource, {
      outputs: { parameters: [{ name: "state", valueFrom: { jsonPath: "{.data.state}" } }] },
    });
    await desk.api.waitForRequest((record) => isWatch(record) && record.status === 200, limit());
    await desk.change("c", "PATCH", { data: { other: "1" } });

    const changedMs = await desk.change("c", "PATCH", { data: { state: "ready" } });
    const { code, log, endedMs } = await running.ended;

    assert.equal(code, 0, log);
    t.diagnostic(`${endedMs - changedMs} ms from the condition to the end`);
    assert.equal(reads(desk.api.requests).length, 1, "one read begins the watch");
    assert.deepEqual(desk.parameters, { state: "ready" });
  });

  it("goes on where a watch ends, breaks or is too old", async (t) => {
    const desk = await openDesk(t);
    desk.configMap("c", { state: "new" });
    desk.api.addFault({ kind: "close-watch", times: 1 });
    desk.api.addFault({ kind: "expire-watch", times: 1 });
    desk.api.addFault({ kind: "drop", match: { verb: "watch" }, times: 1 });
    const running = desk.resource("get", {
      manifest: manifest("c"),
      successCondition: "data.state == ready",
    });
    let watches = 0;
    await desk.api.waitForRequest(
      (record) => isWatch(record) && record.isDone === false && ++watches > 3,
      limit(),
    );

    await desk.change("c", "PATCH", { data: { state: "ready" } });

    assert.equal((await running.ended).code, 0);
  });

  it("reads at the interval where it may not watch", async (t) => {
    const rules = [
      { verbs: ["get"], resources: ["configmaps"] },
      { verbs: ["create", "patch"], resources: ["workflowtaskresults"] },
    ];
    const users = [
      { token: "main", name: "main", rules },
      { token: "other", name: "other" },
    ];
    const desk = await openDesk(t, { users });
    desk.configMap("c", { state: "new" });
    const resource = { manifest: manifest("c"), successCondition: "data.state == ready" };
    const running = desk.resource("get", resource, {}, { RESOURCE_STATE_CHECK_INTERVAL: "50ms" });
    await desk.api.waitForRequest((record) => isWatch(record) && record.status === 403, limit());

    await desk.change("c", "PATCH", { data: { state: "ready" } });

    assert.equal((await running.ended).code, 0);
  });

  it("fails with the requirement that holds, before any success counts", async (t) => {
    const desk = await openDesk(t);
    const conditions = {
      successCondition: "data.state == new",
      failureCondition: "data.state in (old, new)",
    };

    const { code, message } = await desk.resource("create", { manifest: manifest("c"), ...conditions }).ended;

    assert.equal(code, 64);
    assert.equal(message, "failure condition '{data.state in [new old]}' evaluated true");
    assert.equal(desk.label, "true");
  });

  it("says that the resource was deleted while it waited", async (t) => {
    const desk = await openDesk(t);
    const running = desk.resource("create", {
      manifest: manifest("c"),
      successCondition: "data.state == ready",
    });
    await desk.api.waitForRequest((record) => isWatch(record) && record.status === 200, limit());

    await desk.change("c", "DELETE");
    const { code, message } = await running.ended;

    assert.equal(code, 64);
    assert.equal(
      message,
      "The resource has been deleted while its status was still being checked. Will not be retried: " +
        'configmaps "c" not found',
    );
  });

  it("says that the kind was withdrawn while it waited, and does not believe a page that says so", async (t) => {
    const desk = await openDesk(t);
    const front = await startFront({ target: new URL(desk.api.url).host });
    t.after(() => front[Symbol.asyncDispose]());
    desk.server = front.url;
    // What the API server's mux answers where nothing is served, and any proxy.
    const page = { kind: "answer", status: 404, body: "404 page not found\n" } as const;
    front.addFault({ method: "GET", path: /\/jobs\/j$/, times: 2, effect: page });
    const job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {}\n";
    const running = desk.resource("create", { manifest: job, successCondition: "status.succeeded == 1" });
    await desk.api.waitForRequest((record) => isWatch(record) && record.status === 200, limit());

    front.addFault({ path: /^\/apis\/batch\/v1/, effect: page });
    const headers = { authorization: "Bearer other" };
    await fetch(`${desk.api.url}/apis/batch/v1/namespaces/argo/jobs/j`, { method: "DELETE", headers });
    const { code, message } = await running.ended;

    assert.equal(code, 64);
    assert.equal(
      message,
      "The resource has been deleted while its status was still being checked. Will not be retried: " +
        "the server does not serve jobs of batch v1 any more",
    );
    assert.equal(desk.label, "true");
  });

  it("tolerates single refusals while it waits", async (t) => {
    const desk = await openDesk(t);
    const own = { verb: "get", resource: "configmaps" } as const;
    desk.api.addFault({ kind: "status", status: 401, match: own, times: 1 });
    desk.api.addFault({ kind: "status", status: 500, match: own, times: 1 });

    const { ended } = desk.resource("create", {
      manifest: manifest("c"),
      successCondition: "data.state == new",
    });

    assert.equal((await ended).code, 0);
    assert.deepEqual(
      reads(desk.api.requests).map(({ status }) => status),
      [401, 500, 200],
    );
  });

  it("names a refusal that stays", async (t) => {
    const desk = await openDesk(t);
    desk.api.addFault({ kind: "status", status: 401, match: { verb: "get", resource: "configmaps" } });

    const resource = { manifest: manifest("c"), successCondition: "data.state == new" };
    const { code, message } = await desk.resource("create", resource).ended;

    assert.equal(code, 64);
    assert.match(message, /Unauthorized by a scripted fault/);
  });

  it("stops waiting at SIGTERM, and still sets the label", async (t) => {
    const desk = await openDesk(t);
    const running = desk.resource("create", {
      manifest: manifest("c"),
      successCondition: "data.state == ready",
    });
    await desk.api.waitForRequest((record) => isWatch(record) && record.status === 200, limit());

    running.stop();
    const { code, message } = await running.ended;

    assert.deepEqual(
      { code, message, label: desk.label },
      { code: 64, message: "context canceled", label: "true" },
    );
  });

  it("prints a refusal in kubectl's words, with verb and kind", async (t) => {
    const rules = [{ verbs: ["create", "patch"], resources: ["workflowtaskresults"] }];
    const desk = await openDesk(t, {
      users: [{ token: "main", name: "system:serviceaccount:argo:default", rules }],
    });

    const { code, message } = await desk.resource("create", { manifest: manifest("c") }).ended;

    assert.equal(code, 64);
    assert.match(
      message,
      /^no more retries Error from server \(Forbidden\): error when creating ".*manifest\.yaml": configmaps is forbidden: User "system:serviceaccount:argo:default" cannot create resource "configmaps" in API group "" in the namespace "argo"$/,
    );
  });

  it("leaves the label to the container that uploads the log, where there is one", async (t) => {
    const desk = await openDesk(t);
    const archiveLocation = { archiveLogs: true, s3: { bucket: "b", key: "k" } };
    desk.file("var/run/argo/ctr/wait/lock", "");

    const { code } = await desk.resource("create", { manifest: manifest("c") }, { archiveLocation }).ended;

    assert.deepEqual({ code, label: desk.label }, { code: 0, label: "false" });
  });

  it("sets the label itself under controllers that archive logs without a wait container", async (t) => {
    const desk = await openDesk(t);
    const archiveLocation = { archiveLogs: true, s3: { bucket: "b", key: "k" } };

    const { code } = await desk.resource("create", { manifest: manifest("c") }, { archiveLocation }).ended;

    assert.deepEqual({ code, label: desk.label }, { code: 0, label: "true" });
  });

  it("deletes, and waits for finalizers", async (t) => {
    const desk = await openDesk(t);
    desk.configMap("c", {}, { finalizers: ["example.com/held"] });
    const running = desk.resource("delete", { manifest: manifest("c") });
    await desk.api.waitForRequest((record) => isWatch(record) && record.status === 200, limit());
    assert.ok(desk.find("c")?.metadata.deletionTimestamp);

    await desk.change("c", "PATCH", { metadata: { finalizers: [] } });

    assert.equal((await running.ended).code, 0);
    assert.equal(desk.find("c"), undefined);
  });

  it("refuses conditions and outputs for delete", async (t) => {
    const desk = await openDesk(t);
    const { code, message } = await desk.resource(
      "delete",
      { manifest: manifest("c") },
      { outputs: { parameters } },
    ).ended;
    assert.equal(code, 64);
    assert.equal(
      message,
      "successCondition, failureCondition and outputs are not supported for delete action",
    );
  });

  it("takes several documents: all conditions must hold, and outputs see a list", async (t) => {
    const desk = await openDesk(t);
    const names = [{ name: "names", valueFrom: { jqFilter: '[.items[].metadata.name] | join(",")' } }];
    const resource = {
      manifest: `${manifest("a")}---\n${manifest("b")}`,
      successCondition: "data.state == new",
    };

    const { code, log } = await desk.resource("create", resource, { outputs: { parameters: names } }).ended;

    assert.equal(code, 0, log);
    assert.deepEqual(desk.parameters, { names: "a,b" });
  });

  it("takes the manifest from an input artifact", async (t) => {
    const desk = await openDesk(t);
    desk.file("tmp/from-artifact.yaml", manifest("c"));
    const path = `${desk.root}/tmp/from-artifact.yaml`;
    const inputs = { artifacts: [{ name: "m", path }] };

    const { code, log } = await desk.resource(
      "apply",
      { manifestFrom: { artifact: { name: "m" } } },
      { inputs },
    ).ended;

    assert.equal(code, 0, log);
    assert.ok(desk.find("c"));
  });

  it("keeps the owner that the controller has put into the manifest, and adds none", async (t) => {
    const desk = await openDesk(t);
    const owner = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      name: "wf",
      uid: "u-1",
      controller: true,
    };
    const metadata = JSON.stringify({ name: "c", ownerReferences: [{ ...owner, blockOwnerDeletion: true }] });
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: ${metadata}\n`;

    for (const action of ["create", "apply", "patch"]) {
      const resource = { manifest: text, setOwnerReference: true };
      const { code, log } = await desk.resource(action, resource).ended;

      assert.equal(code, 0, log);
      assert.deepEqual(desk.find("c")?.metadata.ownerReferences, [{ ...owner, blockOwnerDeletion: true }]);
    }
  });

  it("gives defaults where get finds nothing and may", async (t) => {
    const desk = await openDesk(t);
    const resource = { manifest: manifest("c"), flags: ["--ignore-not-found"] };
    const { code } = await desk.resource("get", resource, { outputs: { parameters } }).ended;
    assert.equal(code, 0);
    assert.deepEqual(desk.parameters, { colour: "", count: "", gone: "unused" });
  });

  it("names a flag that it does not have, and what to do instead", async (t) => {
    const desk = await openDesk(t);
    const { code, message } = await desk.resource("apply", { manifest: manifest("c"), flags: ["--prune"] })
      .ended;
    assert.equal(code, 64);
    assert.match(message, /^no more retries error: --prune is not supported by this executor; /);
  });

  it("loads nothing that it does not use", async (t) => {
    const desk = await openDesk(t);
    desk.configMap("c", {});
    const { code } = await desk.resource("get", { manifest: manifest("c") }).ended;
    assert.equal(code, 0);
    const strange =
      /\/(languages|archive|artifacts|transfer|outputs|agent|wait|data)\/|apply\.ts|delete\.ts|client-node/;
    assert.deepEqual(
      desk.loaded.filter((file) => strange.test(file)),
      [],
    );
  });
});
