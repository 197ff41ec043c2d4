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
  store.createBucket("artifacts");
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
  const token = (await byKubectl("create", "token", "sync-orphans", "-n", namespace)).trim();
  const config = join(folder, "kubeconfig");
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
});
