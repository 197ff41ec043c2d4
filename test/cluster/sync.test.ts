// `argoexec sync` against the real API server: its pages, its patches, and whether the roles of the example are enough.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { startArgoServer } from "../servers/argo-server/index.ts";
import { startObjectServer } from "../servers/object-server/index.ts";
import { type WorkflowSketch, workflowObject } from "../sync/workflow-objects.ts";

const kubeconfig = process.env.KUBECONFIG ?? "";
assert.ok(kubeconfig, "KUBECONFIG must name a cluster that these tests may write to");
const kubectl = join(dirname(kubeconfig), "..", "bin", "kubectl");
const mainScript = resolve(import.meta.dirname, "../../cmd/main.ts");
const example = resolve(import.meta.dirname, "../../examples/sync-orphans.yaml");
const run = promisify(execFile);
/** Of this run alone. */
const namespace = `sync-${process.pid}`;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
const kinds = [
  "Workflow",
  "WorkflowTemplate",
  "CronWorkflow",
  "ClusterWorkflowTemplate",
  "WorkflowArtifactGCTask",
];

async function byKubectl(...args: string[]): Promise<string> {
  // kubectl keeps what it has learned of a server in HOME.
  const env = { PATH: process.env.PATH ?? "", KUBECONFIG: kubeconfig, HOME: tmpdir() };
  return (await run(kubectl, args, { env, maxBuffer: 1 << 28 })).stdout;
}

/** Ours by its sources, as whom a kubeconfig says. */
async function ours(config: string, args: readonly string[], argoServer: string) {
  const env = {
    PATH: process.env.PATH ?? "",
    KUBECONFIG: config,
    ARGO_SERVER: argoServer,
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "s",
  };
  const ran = await run(process.execPath, [mainScript, "sync", ...args], { env, maxBuffer: 1 << 26 }).catch(
    (error) => error as { readonly code: number; readonly stdout: string; readonly stderr: string },
  );
  return { code: "code" in ran ? ran.code : 0, stdout: ran.stdout, stderr: ran.stderr };
}

/** A Workflow whose identity the server gives. */
function newWorkflow(sketch: WorkflowSketch): object {
  const { metadata, ...workflow } = workflowObject({ ...sketch, namespace });
  const { uid: _, creationTimestamp: __, ...named } = metadata;
  return { ...workflow, metadata: named };
}

async function create(folder: string, objects: readonly object[]): Promise<void> {
  const file = join(folder, "objects.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  await byKubectl("apply", "--server-side", "--force-conflicts", "-f", file);
}

async function stage(t: TestContext) {
  const folder = await temporaryFolder(t);
  const store = await startObjectServer({ directory: join(folder, "store"), accessKey: "a", secretKey: "s" });
  t.after(() => store[Symbol.asyncDispose]());
  for (const bucket of ["artifacts", "copy", "fan-out"]) store.createBucket(bucket);
  const argo = await startArgoServer();
  t.after(() => argo[Symbol.asyncDispose]());
  await create(folder, kinds.map(definition));
  await byKubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
  await create(folder, [{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }]);
  const repository = `s3://artifacts?endpoint=${store.url}&region=us-east-1`;
  const objects = join(folder, "objects");
  const put = async (...keys: string[]) => {
    for (const key of keys) {
      await mkdir(dirname(join(objects, key)), { recursive: true });
      writeFileSync(join(objects, key), key);
    }
    const copied = await ours(kubeconfig, ["run", `file://${objects}`, repository], "");
    assert.equal(copied.code, 0, copied.stderr);
  };
  return { folder, argo, repository, put, list: join(folder, "list.jsonl") };
}

function definition(kind: string): object {
  const [singular, plural] = [kind.toLowerCase(), `${kind.toLowerCase()}s`];
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.argoproj.io` },
    spec: {
      group: "argoproj.io",
      scope: kind.startsWith("Cluster") ? "Cluster" : "Namespaced",
      names: { kind, singular, plural, listKind: `${kind}List` },
      versions: [{ name: "v1alpha1", served: true, storage: true, schema }],
    },
  };
}

/** The example's roles for a service account of this run, and a kubeconfig with its token. */
async function asInTheExample(folder: string): Promise<string> {
  const documents = parseAllDocuments(
    readFileSync(example, "utf8")
      .replaceAll("argo", namespace)
      .replaceAll(`${namespace}proj`, "argoproj")
      .replaceAll(`${namespace}exec`, "argoexec"),
  );
  const objects = documents
    .map((document): { kind?: unknown } => document.toJS())
    .filter(({ kind }) => kind !== "CronWorkflow");
  await create(folder, objects);
  return await kubeconfigOf(folder, "sync-orphans");
}

async function kubeconfigOf(folder: string, account: string): Promise<string> {
  const token = (await byKubectl("create", "token", account, "-n", namespace)).trim();
  const config = join(folder, `kubeconfig-${account}`);
  const admin = JSON.parse(await byKubectl("config", "view", "--raw", "-o", "json"));
  admin.users = [{ name: admin.contexts[0].context.user, user: { token } }];
  writeFileSync(config, JSON.stringify(admin));
  return config;
}

after(async () => {
  await byKubectl("delete", "namespace", namespace, "--wait=false");
  await byKubectl("delete", "clusterrole,clusterrolebinding", "sync-orphans", "--ignore-not-found");
});

describe("argoexec sync and the real API server", () => {
  it("reads workflows in pages with no more than the example's roles, and deletes orphans alone", async (t) => {
    const { folder, argo, repository, put, list } = await stage(t);
    const workflows = Array.from({ length: 230 }, (_, index) => {
      const name = `wf-${index}`;
      return newWorkflow({ name, outputs: { data: `${name}/${name}/data` } });
    });
    await create(folder, workflows);
    argo.workflows.push(workflowObject({ name: "old", uid: "uid-old", outputs: { data: "old/old/data" } }));
    await put("wf-0/wf-0/data", "wf-229/wf-229/data", "old/old/data", "gone/gone/data", "gone/gone/main.log");
    const config = await asInTheExample(folder);
    const args = ["orphans", repository, "--older-than", "0s", "--list", list];

    const found = await ours(config, args, argo.url);
    const deleted = await ours(config, [...args, "--delete"], argo.url);
    const left = await ours(config, args, argo.url);

    assert.deepEqual([found.code, deleted.code, left.code], [0, 0, 0], found.stderr + deleted.stderr);
    assert.match(found.stderr, /^2 objects \(.* bytes\) belong to no workflow/m);
    assert.match(deleted.stderr, /^2 objects \(.* bytes\) deleted, 0 kept$/m);
    assert.match(left.stderr, /^0 objects \(0 bytes\) belong to no workflow/m);
    assert.equal(JSON.parse(left.stdout).totals.kept.objects, 3);
  });

  it("patches workflows: locations that moved, and what artifact GC has left", async (t) => {
    const { folder, argo, repository, put } = await stage(t);
    const s3 = { endpoint: "minio:9000", bucket: "old", key: "a" };
    const finalizer = "workflows.argoproj.io/artifact-gc";
    await create(folder, [
      newWorkflow({ name: "moved", outputs: { data: { path: "/d", s3 } } }),
      newWorkflow({
        name: "stuck",
        finalizers: [finalizer],
        spec: { artifactGC: { strategy: "OnWorkflowCompletion" } },
        status: { artifactGCStatus: { strategiesProcessed: { OnWorkflowCompletion: true } } },
        outputs: { data: "stuck/stuck/data" },
      }),
    ]);
    await put("stuck/stuck/data");
    const map = join(folder, "map.yaml");
    writeFileSync(map, "- from: {s3: {bucket: old}}\n  to: {s3: {bucket: new}}\n");
    const gcArgs = [
      "gc",
      repository,
      "--delete",
      "--patch-status",
      "--remove-finalizer",
      "--older-than",
      "0s",
    ];

    const rewritten = await ours(kubeconfig, ["rewrite", map, "--apply", "--without-archive"], argo.url);
    const collected = await ours(kubeconfig, [...gcArgs, "-n", namespace], argo.url);
    const read = async (name: string) =>
      JSON.parse(await byKubectl("get", "workflow", name, "-n", namespace, "-o", "json"));
    const [moved, stuck] = [await read("moved"), await read("stuck")];

    assert.deepEqual([rewritten.code, collected.code], [0, 0], rewritten.stderr + collected.stderr);
    assert.equal(moved.status.nodes.moved.outputs.artifacts[0].s3.bucket, "new");
    assert.equal(stuck.status.nodes.stuck.outputs.artifacts[0].deleted, true);
    assert.equal(stuck.metadata.finalizers, undefined);
  });

  it("--since: goes on from what the server tells of, with the rights of deploy/sync and no more", async (t) => {
    const { folder, repository, put } = await stage(t);
    const kubeconfigOfSync = await asInDeploySync(folder);
    await create(folder, [newWorkflow({ name: "since-1", outputs: { data: "since-1/data" } })]);
    await put("since-1/data");
    const target = repository.replace("s3://artifacts", "s3://copy");
    const args = ["run", repository, target, "--since", "last", "-n", namespace];

    const whole = await ours(kubeconfigOfSync, args, "");
    await create(folder, [
      newWorkflow({ name: "since-2", outputs: { data: "since-2/data" } }),
      newWorkflow({ name: "since-3", outputs: { data: "since-3/data" } }),
      taskResult("since-4-1", "since-4", "since-4/reported"),
    ]);
    await put("since-2/data", "since-3/data", "since-4/reported", "nobody/data");
    await byKubectl("delete", "workflow", "since-3", "-n", namespace);
    const changed = await ours(kubeconfigOfSync, args, "");
    const nothing = await ours(kubeconfigOfSync, args, "");
    const cursor = JSON.parse(Buffer.from(JSON.parse(nothing.stdout).cursor, "base64url").toString());
    const versions = Object.fromEntries(Object.keys(cursor.versions).map((path) => [path, "1"]));
    const old = Buffer.from(JSON.stringify({ ...cursor, versions })).toString("base64url");
    const forgotten = await ours(kubeconfigOfSync, [...args.slice(0, 4), old, ...args.slice(5)], "");

    assert.deepEqual([whole.code, changed.code, nothing.code], [0, 0, 0], whole.stderr + changed.stderr);
    assert.match(whole.stderr, /everything was compared: no run with these arguments/);
    // Deleted workflows, and reports that no controller has read: the server tells of both.
    assert.match(changed.stderr, /^done: 2 copied, .* \(2 workflows and 1 task results have changed since/m);
    assert.match(nothing.stderr, /0 workflows and 0 task results have changed/);
    assert.equal(forgotten.code, 0, forgotten.stderr);
    t.diagnostic(forgotten.stderr.trim().split("\n").at(-1) ?? "");
  });

  it("the fan-out example: plan, as many pods as there are shards, each within 256 MiB, and verify", async (t) => {
    const { folder, repository, put } = await stage(t);
    await put(...Array.from({ length: 60 }, (_, index) => `wf-${index}/data`));
    const document = parseAllDocuments(readFileSync(fanOut, "utf8"))[0]?.toJS();
    const pod = async (name: string, shard: string) => {
      const template = document.spec.templates.find((each: { readonly name: string }) => each.name === name);
      const values: Readonly<Record<string, string>> = {
        "workflow.parameters.source": repository,
        "workflow.parameters.target": repository.replace("s3://artifacts", "s3://fan-out"),
        "workflow.parameters.shards": "3",
        "inputs.parameters.shard": shard,
      };
      const args = template.container.args.map((arg: string) =>
        arg.replace(/\{\{([^}]*)\}\}/g, (_, tag: string) => values[tag] ?? ""),
      );
      return await runPod(folder, `fan-out-${name}-${pods++}`, { ...template.container, args });
    };
    let pods = 0;

    const planned = await pod("plan", "");
    const shards = JSON.parse(readFileSync(join(folder, "tmp/shards.json"), "utf8")) as readonly object[];
    const ran = await Promise.all(shards.map((shard) => pod("run", JSON.stringify(shard))));
    const verified = await pod("verify", "");

    assert.equal(planned.phase, "Succeeded", planned.log);
    assert.equal(shards.length, 3);
    for (const { phase, log } of ran) assert.equal(phase, "Succeeded", log);
    assert.equal(verified.phase, "Succeeded", verified.log);
    assert.match(verified.log, /^verified: 60 objects have the same content$/m);
  });
});

const fanOut = resolve(import.meta.dirname, "../../examples/sync-fan-out.yaml");

/** What a controller makes of a container template; /tmp is a folder of this machine, so that its parameters can be read. */
async function runPod(folder: string, name: string, container: { readonly args: readonly string[] }) {
  const shared = join(folder, "tmp");
  await mkdir(shared, { recursive: true });
  const env = Object.entries({ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" });
  const main = {
    ...container,
    name: "main",
    image,
    imagePullPolicy: "Never",
    env: env.map(([variable, value]) => ({ name: variable, value })),
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
  const spec = {
    restartPolicy: "Never",
    containers: [main],
    volumes: [{ name: "tmp", hostPath: { path: shared } }],
  };
  const own = join(folder, name);
  await mkdir(own);
  await create(own, [{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec }]);
  const ended = "--for=jsonpath={.status.containerStatuses[0].state.terminated}";
  await byKubectl("wait", ended, `pod/${name}`, "-n", namespace, "--timeout=120s");
  const phase = await byKubectl(
    "get",
    "pod",
    name,
    "-n",
    namespace,
    "-o",
    "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}",
  );
  const log = await byKubectl("logs", name, "-n", namespace);
  return { phase: phase === "0" ? "Succeeded" : `exit ${phase}`, log };
}

function taskResult(name: string, workflow: string, key: string): object {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "WorkflowTaskResult",
    metadata: { name, namespace, labels: { "workflows.argoproj.io/workflow": workflow } },
    outputs: { artifacts: [{ name: "data", path: "/d", s3: { key } }] },
  };
}

/** A kubeconfig with the token of deploy/sync's service account. */
async function asInDeploySync(folder: string): Promise<string> {
  await create(folder, [definition("CronWorkflow")]);
  await byKubectl("apply", "-n", namespace, "-k", resolve(import.meta.dirname, "../../deploy/sync"));
  return await kubeconfigOf(folder, "argo-sync");
}
