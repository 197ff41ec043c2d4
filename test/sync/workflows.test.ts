import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { isExecutorError } from "../../src/errors/index.ts";
import {
  archivedWorkflows,
  clusterWorkflows,
  manifestWorkflows,
  newWorkflows,
  otherOwners,
  readWorkflow,
} from "../../src/sync/workflows/index.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { collect, never, startArchive, startCluster } from "./clients.ts";
import { workflowObject } from "./workflow-objects.ts";

const everywhere = { namespaces: [] };

describe("workflows of a cluster", () => {
  it("are read page by page from all namespaces, or from those that are named", async (t) => {
    const { api, kube, create } = await startCluster(t);
    for (let index = 0; index < 250; index += 1)
      create({ name: `wf-${index}`, namespace: `ns-${index % 3}` });

    const all = await collect(clusterWorkflows({ client: kube, ...everywhere }, never));
    const lists = api.requests.filter(({ path }) => path.includes("workflows"));
    const some = await collect(clusterWorkflows({ client: kube, namespaces: ["ns-1"] }, never));

    assert.equal(new Set(all.map(({ name }) => name)).size, 250);
    assert.equal(lists.length, 3);
    assert.equal(some.length, 83);
    assert.ok(some.every(({ namespace }) => namespace === "ns-1"));
  });

  it("are read anew where the server forgets the list in between, each once", async (t) => {
    const { api, kube, create } = await startCluster(t);
    for (let index = 0; index < 150; index += 1) create({ name: `wf-${index}` });
    const isListed = api.waitForRequest(({ method, isDone }) => method === "GET" && isDone);
    void isListed.then(() =>
      api.addFault({ match: { verb: "list" }, times: 1, kind: "status", status: 410, reason: "Expired" }),
    );

    const all = await collect(clusterWorkflows({ client: kube, ...everywhere }, never));

    assert.equal(all.length, 150);
    assert.deepEqual(
      api.requests.map(({ status }) => status),
      [200, 410, 200, 200],
    );
  });

  it("are an error where the list is refused, cut short, or no list", async (t) => {
    const { api, kube, create } = await startCluster(t);
    create({ name: "wf" });
    const read = () => collect(clusterWorkflows({ client: kube, ...everywhere }, never));
    const answer = (status: number, body?: string) =>
      api.addFault({ match: { verb: "list" }, times: 1, kind: "status", status, ...(body ? { body } : {}) });

    answer(403);
    await assert.rejects(read(), (error) => {
      assert.ok(isExecutorError(error, "Forbidden"));
      assert.match(error.message, /grant "list" on workflows with a ClusterRole/);
      return true;
    });
    for (const body of ["{}", '{"kind":"WorkflowList"}', '{"kind":"Status","items":[]}']) {
      answer(200, body);
      await assert.rejects(read(), /is no list of Kubernetes objects/);
    }
    answer(200, '{"kind":"WorkflowList","metadata":{"remainingItemCount":3},"items":[]}');
    await assert.rejects(read(), /ended after 0 objects, and 3 were announced/);
    answer(200, '{"kind":"WorkflowList","metadata":{},"items":[{"metadata":{"name":"x"}}]}');
    await assert.rejects(read(), /has no metadata.namespace, metadata.name or metadata.uid/);
  });

  it("that are new are told from those that are known by their metadata alone", async (t) => {
    const { kube, create } = await startCluster(t);
    create({ name: "old" });
    const [old] = await collect(clusterWorkflows({ client: kube, ...everywhere }, never));
    create({ name: "new", outputs: { data: "new/new/data.tgz" } });

    const found = await collect(
      newWorkflows({ client: kube, ...everywhere }, new Set([old?.uid ?? ""]), never),
    );

    assert.deepEqual(
      found.map(({ name, artifacts }) => [name, artifacts[0]?.key]),
      [["new", "new/new/data.tgz"]],
    );
  });
});

describe("archived workflows", () => {
  const archived = (index: number, namespace = "argo") =>
    workflowObject({
      name: `wf-${index}`,
      uid: `uid-${index}`,
      namespace,
      outputs: { data: `wf-${index}/data.tgz` },
    });

  it("are read from the Argo server, whose lists hold no nodes", async (t) => {
    const workflows = Array.from({ length: 230 }, (_, index) => archived(index, `ns-${index % 2}`));
    const { client } = await startArchive(t, { workflows });

    const all = await collect(archivedWorkflows({ client, ...everywhere }, never));
    const some = await collect(archivedWorkflows({ client, namespaces: ["ns-1"] }, never));

    assert.deepEqual(
      new Set(all.map(({ artifacts }) => artifacts[0]?.key)),
      new Set(workflows.map((_, index) => `wf-${index}/data.tgz`)),
    );
    assert.equal(some.length, 115);
  });

  it("are all found even where some are deleted while the list is read, which moves the others to pages that were read", async (t) => {
    const { server, client } = await startArchive(t, {
      workflows: Array.from({ length: 150 }, (_, index) => archived(index)),
    });
    let lists = 0;
    server.onList = ({ workflows }) => {
      lists += 1;
      if (lists === 2) workflows.splice(0, 10);
    };

    const all = await collect(archivedWorkflows({ client, ...everywhere }, never));

    const left = server.workflows.map(({ metadata }) => metadata.name);
    assert.equal(left.length, 140);
    assert.deepEqual(
      left.filter((name) => !all.some((found) => found.name === name)),
      [],
    );
  });

  it("are an error where the server refuses, or answers with anything but a list that ends", async (t) => {
    const { server, client } = await startArchive(t, { workflows: [archived(1)] });
    const read = () => collect(archivedWorkflows({ client, ...everywhere }, never));

    for (const body of ["{}", '{"items":{},"metadata":{}}', "[]"]) {
      server.breakNextList(body);
      await assert.rejects(read(), /is no list of archived workflows/);
    }
    server.breakNextList("<html>");
    await assert.rejects(read(), /is not JSON/);
    server.breakNextList('{"items":[],"metadata":{"continue":"0"}}');
    await assert.rejects(read(), /goes in a circle/);
    server.breakNextList('{"items":[{"metadata":{"name":"x"}}],"metadata":{}}');
    await assert.rejects(read(), /one without a uid/);
    const { client: stranger } = await startArchive(t, { token: "another" });
    await assert.rejects(collect(archivedWorkflows({ client: stranger, ...everywhere }, never)), (error) => {
      assert.ok(isExecutorError(error, "Unauthorized"));
      assert.match(error.message, /the Argo server refuses/);
      return true;
    });
  });
});

describe("workflows of a file", () => {
  it("come from YAML and JSON, one or many documents, and lists; other kinds are passed over", async (t) => {
    const folder = await temporaryFolder(t);
    const read = async (name: string, text: string) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return (await collect(manifestWorkflows(path))).map((workflow) => workflow.name);
    };
    const [a, b, c] = ["a", "b", "c"].map((name) => workflowObject({ name }));

    assert.deepEqual(await read("one.json", JSON.stringify(a)), ["a"]);
    assert.deepEqual(await read("list.json", JSON.stringify({ kind: "List", items: [a, b] })), ["a", "b"]);
    assert.deepEqual(
      await read("typed.json", JSON.stringify({ kind: "WorkflowList", items: [{ ...c, kind: "" }] })),
      ["c"],
    );
    assert.deepEqual(
      await read(
        "many.yaml",
        `kind: ConfigMap\n---\n${JSON.stringify(a)}\n---\nkind: Workflow\nmetadata: {name: x}\n`,
      ),
      ["a", "x"],
    );
    await assert.rejects(read("empty.yaml", "# nothing\n"), /holds no manifest/);
    await assert.rejects(read("broken.yaml", "kind: [Workflow\n"), /broken.yaml: /);
    await assert.rejects(read("text.yaml", "just text\n"), /it has no kind/);
    await assert.rejects(collect(manifestWorkflows(join(folder, "absent"))), /cannot be read/);
  });
});

describe("what a workflow names", () => {
  it("is outputs, logs and inputs of its nodes, with their places, strategies and what artifact GC has done", async () => {
    const workflow = await readWorkflow(
      workflowObject({
        name: "wf",
        outputs: {
          data: { path: "/d", s3: { key: "wf/wf/data.tgz" } },
          kept: { path: "/k", s3: { key: "wf/wf/kept.tgz" }, artifactGC: { strategy: "Never" } },
          gone: { path: "/g", s3: { key: "wf/wf/gone.tgz" }, deleted: true },
          "main-logs": { s3: { key: "wf/wf/main.log" } },
          far: { path: "/f", azure: { endpoint: "https://a", container: "c", blob: "far" } },
          repo: { path: "/r", git: { repo: "https://example.com/r.git" } },
        },
        inputs: { shared: "datasets/a.csv" },
        spec: { artifactGC: { strategy: "OnWorkflowDeletion" } },
      }),
      "cluster",
    );

    const found = workflow.artifacts.map(({ role, name, key, strategy, isDeleted }) => ({
      role,
      name,
      key,
      strategy,
      isDeleted,
    }));
    const base = { role: "output", strategy: "OnWorkflowDeletion", isDeleted: false };
    assert.deepEqual(found, [
      { ...base, name: "data", key: "wf/wf/data.tgz" },
      { ...base, name: "kept", key: "wf/wf/kept.tgz", strategy: "Never" },
      { ...base, name: "gone", key: "wf/wf/gone.tgz", isDeleted: true },
      { ...base, name: "main-logs", key: "wf/wf/main.log", role: "log" },
      { ...base, name: "far", key: "far" },
      { ...base, name: "shared", key: "datasets/a.csv", role: "input" },
    ]);
    assert.equal(workflow.artifacts[4]?.bucket, "c");
  });

  it("is read from compressed nodes, and unknown where nodes are offloaded or damaged", async () => {
    const nodes = { wf: { outputs: { artifacts: [{ name: "a", s3: { key: "k" } }] } } };
    const compressed = gzipSync(JSON.stringify(nodes)).toString("base64");
    const read = (status: object) => readWorkflow(workflowObject({ name: "wf", status }), "cluster");

    const whole = await read({ nodes: undefined, compressedNodes: compressed });
    const damaged = await read({ nodes: undefined, compressedNodes: compressed.slice(0, 20) });
    const offloaded = await read({ nodes: undefined, offloadNodeStatusVersion: "fnv:1" });
    const hydrated = await read({ nodes, offloadNodeStatusVersion: "fnv:1" });
    const foreign = await read({ nodes: "all of them" });

    assert.deepEqual([whole.artifacts[0]?.key, whole.unknownBecause], ["k", undefined]);
    assert.match(damaged.unknownBecause ?? "", /compressedNodes cannot be read/);
    assert.match(offloaded.unknownBecause ?? "", /offloaded/);
    assert.deepEqual([hydrated.artifacts[0]?.key, hydrated.unknownBecause], ["k", undefined]);
    assert.match(foreign.unknownBecause ?? "", /status.nodes is no object/);
  });

  it("is named, too, by templates, memoization caches and tasks of artifact GC", async (t) => {
    const { api, kube } = await startCluster(t);
    const make = (resource: string, namespace: string, object: object, group = "argoproj.io") =>
      api.create({ group, version: group === "" ? "v1" : "v1alpha1", resource, namespace }, object);
    const templates = [
      { name: "t", inputs: { artifacts: [{ name: "i", s3: { key: "datasets/t" } }] } },
      {
        name: "u",
        dag: {
          tasks: [{ arguments: { artifacts: [{ name: "j", s3: { key: "models/{{workflow.name}}" } }] } }],
        },
      },
    ];
    make("workflowtemplates", "argo", { metadata: { name: "wt" }, spec: { templates } });
    make("clusterworkflowtemplates", "", {
      metadata: { name: "cwt" },
      spec: { arguments: { artifacts: [{ name: "k", s3: { key: "datasets/k" } }] } },
    });
    make("cronworkflows", "argo", {
      metadata: { name: "cron" },
      spec: { workflowSpec: { templates: [templates[0]] } },
    });
    const entry = JSON.stringify({
      nodeID: "x",
      outputs: { artifacts: [{ name: "m", s3: { key: "old/old/m.tgz" } }] },
    });
    make(
      "configmaps",
      "argo",
      {
        metadata: { name: "cache", labels: { "workflows.argoproj.io/configmap-type": "Cache" } },
        data: { entry, broken: "{" },
      },
      "",
    );
    make("configmaps", "argo", { metadata: { name: "other" }, data: { entry } }, "");
    make("workflowartifactgctasks", "argo", {
      metadata: { name: "task" },
      spec: { artifactsByNode: { n: { artifacts: { g: { name: "g", s3: { key: "wf/wf/g" } } } } } },
    });

    const owners = await collect(otherOwners({ client: kube, ...everywhere }, never));

    assert.deepEqual(
      owners.map(({ title, artifacts, unresolvedKeys }) => [
        title,
        [...artifacts, ...unresolvedKeys].map(({ key }) => key),
      ]),
      [
        ["workflowtemplates/argo/wt", ["datasets/t", "models/{{workflow.name}}"]],
        ["cronworkflows/argo/cron", ["datasets/t"]],
        ["clusterworkflowtemplates/cwt", ["datasets/k"]],
        ["configmaps/argo/cache", ["old/old/m.tgz"]],
        ["workflowartifactgctasks/argo/task", ["wf/wf/g"]],
      ],
    );
  });
});
