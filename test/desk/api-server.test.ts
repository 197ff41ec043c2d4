import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import {
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from "@kubernetes/client-node";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../servers/api-server/index.ts";

const argoGroup = { group: "argoproj.io", version: "v1alpha1" };
const taskResults = { ...argoGroup, namespace: "argo", plural: "workflowtaskresults" };
const taskSets = { ...argoGroup, namespace: "argo", plural: "workflowtasksets" };
const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
const jsonPatchType = setHeaderOptions("Content-Type", PatchStrategy.JsonPatch);

async function apiServer(t: TestContext, options: ApiServerOptions = {}): Promise<ApiServer> {
  const server = await startApiServer(options);
  t.after(() => server[Symbol.asyncDispose]());
  return server;
}

function kubeConfig(server: ApiServer, token?: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    // The client refuses plain http unless verification is off.
    clusters: [
      server.certificate === undefined
        ? { name: "desk", server: server.url, skipTLSVerify: true }
        : { name: "desk", server: server.url, skipTLSVerify: false, caData: toBase64(server.certificate) },
    ],
    users: [{ name: "me", ...(token === undefined ? {} : { token }) }],
    contexts: [{ name: "desk", cluster: "desk", user: "me", namespace: "argo" }],
    currentContext: "desk",
  });
  return config;
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function customObjects(server: ApiServer, token?: string): CustomObjectsApi {
  return kubeConfig(server, token).makeApiClient(CustomObjectsApi);
}

function result(name: string, more: object = {}): object {
  return { apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTaskResult", metadata: { name, ...more } };
}

/** A request without a client library. */
async function raw(
  server: ApiServer,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { "content-type": type, ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const content = await response.text();
  return { status: response.status, headers: response.headers, body: JSON.parse(content) };
}

const resultsPath = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflowtaskresults";

interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata: Record<string, unknown>;
    readonly code?: number;
    readonly reason?: string;
  };
}

/** The lines of a watch, one at a time; `next` is undefined at the end. */
async function openWatch(t: TestContext, server: ApiServer, query: string) {
  const controller = new AbortController();
  t.after(() => controller.abort());
  const { body } = await fetch(`${server.url}${resultsPath}?watch=true${query}`, {
    signal: controller.signal,
  });
  assert.ok(body);
  const lines = readLines(body);
  return {
    next: async (): Promise<WatchEvent | undefined> => (await lines.next()).value,
    types: async (count: number): Promise<string[]> => {
      const types: string[] = [];
      while (types.length < count) {
        const event: WatchEvent | undefined = (await lines.next()).value;
        assert.ok(event);
        types.push(`${event.type} ${event.object.metadata.name}`);
      }
      return types;
    },
  };
}

async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent, undefined> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of body) {
    const lines = (held + decoder.decode(chunk, { stream: true })).split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
  return undefined;
}

describe("API server", () => {
  it("creates, reads, lists, changes and deletes custom objects", async (t) => {
    const server = await apiServer(t);
    const api = customObjects(server);

    const created = await api.createNamespacedCustomObject({
      ...taskResults,
      body: result("a", { labels: { l: "1" } }),
    });
    await api.patchNamespacedCustomObject(
      { ...taskResults, name: "a", body: { progress: "1/2", outputs: { a: 1 } } },
      mergePatch,
    );
    await api.patchNamespacedCustomObject(
      { ...taskResults, name: "a", body: { outputs: { b: 2, a: null } } },
      mergePatch,
    );
    await api.patchNamespacedCustomObject(
      { ...taskResults, name: "a", body: [{ op: "add", path: "/metadata/labels/x~1y", value: "2" }] },
      jsonPatchType,
    );
    const read = await api.getNamespacedCustomObject({ ...taskResults, name: "a" });
    const listed = await api.listNamespacedCustomObject({ ...taskResults, labelSelector: "l in (1, 2),x/y" });
    await api.deleteNamespacedCustomObject({ ...taskResults, name: "a" });

    assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/);
    assert.match(created.metadata.creationTimestamp, /^2\d{3}-.*Z$/);
    assert.deepEqual(
      [read.progress, read.outputs, read.metadata.uid],
      ["1/2", { b: 2 }, created.metadata.uid],
    );
    assert.equal(listed.kind, "WorkflowTaskResultList");
    assert.deepEqual(listed.items, [read]);
    assert.equal(
      server.find({ ...argoGroup, resource: "workflowtaskresults", namespace: "argo", name: "a" }),
      undefined,
    );
    assert.equal(server.states("workflowtaskresults", "argo", "a").length, 4);
    await assert.rejects(api.getNamespacedCustomObject({ ...taskResults, name: "a" }), { code: 404 });
  });

  it("refuses an owner that is not named in full, as Kubernetes does", async (t) => {
    const server = await apiServer(t);
    const api = customObjects(server);
    const ownerReferences = [{ apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: "wf", uid: "" }];

    await assert.rejects(
      api.createNamespacedCustomObject({ ...taskResults, body: result("a", { ownerReferences }) }),
      (error: { code: number; body: string }) =>
        error.code === 422 && /metadata\.ownerReferences\.uid: .*uid must not be empty/.test(error.body),
    );
  });

  it("gives core objects back as they are", async (t) => {
    const server = await apiServer(t);
    const core = kubeConfig(server).makeApiClient(CoreV1Api);
    const place = { group: "", version: "v1", namespace: "argo" };
    server.create({ ...place, resource: "configmaps" }, { metadata: { name: "c" }, data: { key: "value" } });
    server.create({ ...place, resource: "pods" }, { metadata: { name: "p" }, status: { phase: "Running" } });

    const map = await core.readNamespacedConfigMap({ namespace: "argo", name: "c" });
    const pod = await core.readNamespacedPod({ namespace: "argo", name: "p" });

    assert.deepEqual(map.data, { key: "value" });
    assert.equal(pod.status?.phase, "Running");
  });

  it("makes a name from generateName", async (t) => {
    const api = customObjects(await apiServer(t));

    const body = { ...result(""), metadata: { generateName: "run-" } };
    const created = await api.createNamespacedCustomObject({ ...taskResults, body });

    assert.match(created.metadata.name, /^run-[0-9a-z]{5}$/);
  });

  it("refuses a second object of the same name, and a stale update, in Kubernetes' words", async (t) => {
    const server = await apiServer(t);
    const { body: first } = await raw(server, "POST", resultsPath, result("a"));

    const second = await raw(server, "POST", resultsPath, result("a"));
    await raw(server, "PATCH", `${resultsPath}/a`, { progress: "1/1" });
    const stale = await raw(server, "PUT", `${resultsPath}/a`, first);

    assert.deepEqual(second.body, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'workflowtaskresults.argoproj.io "a" already exists',
      reason: "AlreadyExists",
      details: { name: "a", group: "argoproj.io", kind: "workflowtaskresults" },
      code: 409,
    });
    assert.deepEqual([stale.status, stale.body.reason], [409, "Conflict"]);
    assert.equal(
      stale.body.message,
      'Operation cannot be fulfilled on workflowtaskresults.argoproj.io "a": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it("makes no new version when nothing changes", async (t) => {
    const server = await apiServer(t);
    const created = await raw(server, "POST", resultsPath, result("a"));

    const again = await raw(server, "PATCH", `${resultsPath}/a`, { metadata: {} });

    assert.deepEqual(again.body, created.body);
    assert.equal(server.states("workflowtaskresults", "argo", "a").length, 1);
  });

  it("changes the status of a task set through its own path only", async (t) => {
    const api = customObjects(await apiServer(t));
    const body = { ...result("s"), kind: "WorkflowTaskSet", spec: { tasks: { a: {} } } };
    await api.createNamespacedCustomObject({ ...taskSets, body });
    const nodes = (phase: string) => ({ spec: { tasks: { b: {} } }, status: { nodes: { a: { phase } } } });

    const main = await api.patchNamespacedCustomObject(
      { ...taskSets, name: "s", body: nodes("Wrong") },
      mergePatch,
    );
    const status = await api.patchNamespacedCustomObjectStatus(
      { ...taskSets, name: "s", body: nodes("Right") },
      mergePatch,
    );

    assert.deepEqual([main.spec.tasks, main.status], [{ a: {}, b: {} }, undefined]);
    assert.deepEqual(status.status, { nodes: { a: { phase: "Right" } } });
    assert.equal(status.metadata.generation, 2);
  });

  it("refuses names, bodies and media types that Kubernetes refuses", async (t) => {
    const server = await apiServer(t);

    const badName = await raw(server, "POST", resultsPath, result("Bad_Name"));
    const noJson = await raw(server, "POST", resultsPath, "{");
    const wrongPlace = await raw(server, "POST", resultsPath, result("a", { namespace: "other" }));
    const missing = await raw(server, "PATCH", `${resultsPath}/none`, {});
    const type = await raw(server, "PATCH", `${resultsPath}/none`, {}, { "content-type": "text/plain" });
    const noPath = await raw(server, "GET", "/nowhere");

    assert.deepEqual([badName.status, badName.body.reason], [422, "Invalid"]);
    assert.match(
      String(badName.body.message),
      /^WorkflowTaskResult\.argoproj\.io "Bad_Name" is invalid: metadata\.name: /,
    );
    assert.deepEqual([noJson.status, noJson.body.reason], [400, "BadRequest"]);
    assert.deepEqual([wrongPlace.status, wrongPlace.body.reason], [400, "BadRequest"]);
    assert.equal(missing.body.message, 'workflowtaskresults.argoproj.io "none" not found');
    assert.ok([404, 415].includes(type.status));
    assert.deepEqual([noPath.status, noPath.body.reason], [404, "NotFound"]);
  });

  it("knows the limits of the request, of etcd, and of the connection to it", async (t) => {
    const server = await apiServer(t);
    const post = async (bytes: number) => {
      const { status, body } = await raw(server, "POST", resultsPath, {
        ...result("big"),
        data: "x".repeat(bytes),
      });
      return [status, body.reason, String(body.message).replace(/\(\d+/, "(N")];
    };

    assert.deepEqual(await post(1_600_000), [500, undefined, "etcdserver: request is too large"]);
    assert.deepEqual(await post(2_200_000), [
      500,
      undefined,
      "rpc error: code = ResourceExhausted desc = trying to send message larger than max (N vs. 2097152)",
    ]);
    assert.deepEqual(await post(3_300_000), [
      413,
      "RequestEntityTooLarge",
      "Request entity too large: limit is 3145728",
    ]);
    assert.equal((await post(1_500_000))[0], 201);
  });

  it("grants what the rules say and names what is missing", async (t) => {
    const rule = { verbs: ["patch", "get"], resources: ["workflowtaskresults"], apiGroups: ["argoproj.io"] };
    const server = await apiServer(t, {
      token: "secret",
      user: "system:serviceaccount:argo:default",
      rules: [rule],
    });
    server.create(
      { ...argoGroup, resource: "workflowtaskresults", namespace: "argo" },
      { metadata: { name: "a" } },
    );
    const authorization = "Bearer secret";

    const stranger = await raw(server, "GET", `${resultsPath}/a`);
    const create = await raw(server, "POST", resultsPath, result("b"), { authorization });
    const remove = await raw(server, "DELETE", `${resultsPath}/a`, undefined, { authorization });
    const patch = await raw(server, "PATCH", `${resultsPath}/a`, { progress: "1/1" }, { authorization });
    server.setUser({ token: "secret", rules: [{ verbs: ["*"], resources: ["*"] }] });
    const later = await raw(server, "POST", resultsPath, result("b"), { authorization });
    server.revokeToken("secret");
    const revoked = await raw(server, "GET", `${resultsPath}/a`, undefined, { authorization });

    assert.deepEqual([stranger.status, stranger.body.message], [401, "Unauthorized"]);
    assert.equal(create.status, 403);
    assert.equal(
      create.body.message,
      'workflowtaskresults.argoproj.io is forbidden: User "system:serviceaccount:argo:default" cannot create resource "workflowtaskresults" in API group "argoproj.io" in the namespace "argo"',
    );
    assert.match(
      String(remove.body.message),
      /^workflowtaskresults\.argoproj\.io "a" is forbidden: User .* cannot delete/,
    );
    assert.deepEqual([patch.status, later.status, revoked.status], [200, 201, 401]);
  });

  it("pages through a list", async (t) => {
    const server = await apiServer(t);
    for (const name of ["c", "a", "b"]) await raw(server, "POST", resultsPath, result(name));
    const page = async (query: string) => {
      const { body } = await raw(server, "GET", `${resultsPath}?limit=2${query}`);
      const list = body as { items: { metadata: { name: string } }[]; metadata: Record<string, string> };
      return { names: list.items.map(({ metadata }) => metadata.name), metadata: list.metadata };
    };

    const first = await page("");
    const second = await page(`&continue=${first.metadata.continue}`);

    assert.deepEqual([first.names, second.names, second.metadata.continue], [["a", "b"], ["c"], undefined]);
    await raw(server, "POST", resultsPath, result("d"));
    server.forgetChanges();
    const late = await raw(server, "GET", `${resultsPath}?limit=2&continue=${first.metadata.continue}`);
    assert.deepEqual([late.status, late.body.reason], [410, "Expired"]);
  });

  it("speaks TLS with a certificate of its own", async (t) => {
    const server = await apiServer(t, { tls: true });

    const listed = await customObjects(server).listNamespacedCustomObject(taskResults);

    assert.match(server.url, /^https:/);
    assert.deepEqual(listed.items, []);
  });
});

describe("API server's watches", () => {
  it("replay from a version, then follow, with the selector deciding what appears and goes", async (t) => {
    const server = await apiServer(t);
    await raw(server, "POST", resultsPath, result("old", { labels: { keep: "yes" } }));
    const from = server.resourceVersion;
    await raw(server, "POST", resultsPath, result("a", { labels: { keep: "yes" } }));
    const watch = await openWatch(t, server, `&resourceVersion=${from}&labelSelector=keep%3Dyes`);

    await raw(server, "PATCH", `${resultsPath}/a`, { progress: "1/1" });
    await raw(server, "PATCH", `${resultsPath}/a`, { metadata: { labels: { keep: "no" } } });
    await raw(server, "POST", resultsPath, result("b"));
    await raw(server, "PATCH", `${resultsPath}/b`, { metadata: { labels: { keep: "yes" } } });
    await raw(server, "DELETE", `${resultsPath}/b`);

    assert.deepEqual(await watch.types(5), ["ADDED a", "MODIFIED a", "DELETED a", "ADDED b", "DELETED b"]);
  });

  it("begin with the present objects when no version is given", async (t) => {
    const server = await apiServer(t);
    for (const name of ["a", "b"]) await raw(server, "POST", resultsPath, result(name));

    const watch = await openWatch(t, server, "&fieldSelector=metadata.name%3Db");

    assert.deepEqual(await watch.types(1), ["ADDED b"]);
  });

  it("S5: are told 410 when the version is no longer known", async (t) => {
    const server = await apiServer(t);
    await raw(server, "POST", resultsPath, result("a"));
    const from = server.resourceVersion;
    await raw(server, "POST", resultsPath, result("b"));
    server.forgetChanges();

    const watch = await openWatch(t, server, `&resourceVersion=${from}`);
    const event = await watch.next();

    assert.deepEqual([event?.type, event?.object.code, event?.object.reason], ["ERROR", 410, "Expired"]);
    assert.equal(await watch.next(), undefined);
  });

  it("send bookmarks to those who asked, and end after timeoutSeconds", async (t) => {
    const server = await apiServer(t);
    await raw(server, "POST", resultsPath, result("a"));
    const from = server.resourceVersion;

    const watch = await openWatch(
      t,
      server,
      `&resourceVersion=${from}&allowWatchBookmarks=true&timeoutSeconds=1`,
    );
    server.sendBookmarks();
    const [first, second, end] = [await watch.next(), await watch.next(), await watch.next()];

    assert.deepEqual([first?.type, first?.object.metadata.resourceVersion], ["BOOKMARK", from]);
    assert.deepEqual([second?.type, end], ["BOOKMARK", undefined]);
  });

  it("S5: end early or expire when the script says so", async (t) => {
    const server = await apiServer(t);
    await raw(server, "POST", resultsPath, result("a"));
    await raw(server, "POST", resultsPath, result("b"));
    server.addFault({ kind: "close-watch", times: 1 });
    server.addFault({ kind: "expire-watch", afterEvents: 1, times: 1 });

    const closed = await openWatch(t, server, "");
    assert.equal(await closed.next(), undefined);
    const expiring = await openWatch(t, server, "");
    assert.deepEqual(await expiring.types(1), ["ADDED a"]);
    assert.equal((await expiring.next())?.object.code, 410);
  });

  it("serve the watch and the informer of the public client", async (t) => {
    const server = await apiServer(t);
    const config = kubeConfig(server);
    await raw(server, "POST", resultsPath, result("a"));
    const added: string[] = [];
    const { promise: seen, resolve } = Promise.withResolvers<void>();
    const api = config.makeApiClient(CustomObjectsApi);

    const informer = makeInformer(config, resultsPath, () => api.listNamespacedCustomObject(taskResults));
    informer.on("add", (object) => {
      added.push(object.metadata?.name ?? "");
      if (added.length === 2) resolve();
    });
    await informer.start();
    t.after(() => informer.stop());
    await server.waitForRequest(({ query, status }) => query.watch === "true" && status === 200);
    await raw(server, "POST", resultsPath, result("b"));
    await seen;
    const types: string[] = [];
    const { promise: watched, resolve: done } = Promise.withResolvers<void>();
    const controller = await new Watch(config).watch(
      resultsPath,
      {},
      (type) => types.push(type) === 2 && done(),
      () => done(),
    );
    await watched;
    controller.abort();

    assert.deepEqual(added, ["a", "b"]);
    assert.deepEqual(types, ["ADDED", "ADDED"]);
  });
});

describe("API server's faults", () => {
  it("S5: answer with a Status and Retry-After, so many times", async (t) => {
    const server = await apiServer(t, {
      faults: [{ kind: "status", status: 429, retryAfterSeconds: 3, match: { verb: "create" }, times: 1 }],
    });

    const refused = await raw(server, "POST", resultsPath, result("a"));
    const accepted = await raw(server, "POST", resultsPath, result("a"));

    assert.deepEqual([refused.status, refused.body.reason], [429, "TooManyRequests"]);
    assert.equal(refused.headers.get("retry-after"), "3");
    assert.equal(accepted.status, 201);
  });

  it("lose the answer of a change that was made", async (t) => {
    const server = await apiServer(t, { faults: [{ kind: "drop", afterWork: true, times: 1 }] });

    await assert.rejects(raw(server, "POST", resultsPath, result("a")));

    assert.equal((await raw(server, "GET", `${resultsPath}/a`)).status, 200);
  });

  it("S4: refuse connections for a while and keep the objects", async (t) => {
    const server = await apiServer(t);
    await raw(server, "POST", resultsPath, result("a"));
    const watch = await openWatch(t, server, "");
    await watch.types(1);

    await server.pause();
    await assert.rejects(watch.next());
    await assert.rejects(raw(server, "GET", `${resultsPath}/a`));
    await server.resume();

    assert.equal((await raw(server, "GET", `${resultsPath}/a`)).status, 200);
  });
});
