// Whole workflows under the unmodified controller of Argo Workflows, with our image as its executor and the rights of
// deploy/: what the controller makes of what our pods report. The controller is a process of this machine.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import { isExecutorError } from "../../src/errors/index.ts";
import { until } from "../chaos/until.ts";
import { Buckets } from "./argo/buckets.ts";
import { type Controller, configuration, s3Location, startController } from "./argo/controller.ts";
import { keyOf, manifest, nodeOf, nodes, parameterOf, type Workflow, Workflows } from "./argo/workflows.ts";
import { connectCluster } from "./connect.ts";

const kubeconfig = process.env.KUBECONFIG ?? "";
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
const program = process.env.OUTRIDER_WORKFLOW_CONTROLLER ?? "";
const skip =
  program === "" &&
  `there is no controller: ${process.env.OUTRIDER_WITHOUT_CONTROLLER || "OUTRIDER_WORKFLOW_CONTROLLER names none"}`;
assert.ok(kubeconfig, "KUBECONFIG must name a cluster that these tests may write to");

/** Of this run alone. */
const namespace = `controller-${process.pid}`;
const bucket = (purpose: string) => `${namespace}-${purpose}`;
const artifacts = bucket("artifacts");
const timeout = 300_000;

describe("the unmodified controller with our image", { skip, concurrency: 4 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "outrider-controller-"));
  const buckets = new Buckets();
  let cluster: Awaited<ReturnType<typeof connectCluster>>;
  let controller: Controller | undefined;
  let workflows: Workflows;

  before(async () => {
    cluster = await connectCluster(kubeconfig);
    const { kube, kubectl } = cluster;
    workflows = new Workflows(kube, namespace);
    const names = ["artifacts", "copied", "backup", "spread", "spread-out"];
    await buckets.create(...names.map(bucket));
    await kubectl("apply", "-f", "test/cluster/argo/definitions.yaml");
    await kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
    await kubectl("create", "namespace", namespace);
    await kubectl("apply", "-n", namespace, "-k", "deploy");
    await kubectl("apply", "-n", namespace, "-f", "test/cluster/resource-role.yaml");
    await create(secret("my-minio-cred"), secret("my-backup-cred"), configuration(artifacts), repositories());
    controller = startController({ program, kubeconfig, namespace, image, folder });
  });

  after(async () => {
    await controller?.[Symbol.asyncDispose]();
    // Nobody is left who would take the finalizers of what still runs off.
    for (const { metadata } of await workflows.list("")) {
      await workflows.patch(metadata.name, { metadata: { finalizers: null } });
    }
    await cluster.kubectl("delete", "namespace", namespace, "--wait=false");
    await cluster.kube[Symbol.asyncDispose]();
    buckets[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  async function create(...objects: readonly object[]): Promise<void> {
    const file = join(mkdtempSync(join(folder, "objects-")), "objects.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
    await cluster.kubectl("apply", "-n", namespace, "-f", file);
  }

  /** Runs a manifest of the folder to its end; what the controller says of it is told where the test fails. */
  async function ran(t: TestContext, name: string, values: Readonly<Record<string, string>> = {}) {
    return await ended(t, await workflows.submit(manifest(name), values));
  }

  async function ended(t: TestContext, name: string): Promise<Workflow> {
    const workflow = await workflows.ended(name).catch((error) => {
      throw new Error(`${error}\n${controller?.log()}`);
    });
    const { phase, message, progress } = workflow.status ?? {};
    t.diagnostic(`${name}: ${phase} ${progress} ${message ?? ""}`);
    for (const node of nodes(workflow)) {
      if (node.phase !== "Succeeded")
        t.diagnostic(`${node.displayName}: ${node.phase} ${node.message ?? ""}`);
    }
    return workflow;
  }

  const log = async (node: ReturnType<typeof nodeOf>) =>
    await buckets.text(artifacts, keyOf(node, "main-logs"));

  const untilReady = async (name: string) =>
    await until(`a step of ${name} that runs`, async () => {
      const label = `workflows.argoproj.io/workflow=${name}`;
      const args = ["logs", "-n", namespace, "-l", label, "-c", "main", "--tail=-1"];
      const lines = await cluster.kubectl(...args).catch(() => "");
      return lines.split("\n").includes("ready");
    });

  it("steps: parameters, results, artifacts, sidecars, logs and the exit handler", { timeout }, async (t) => {
    const workflow = await ran(t, "steps");

    assert.equal(workflow.status?.phase, "Succeeded");
    assert.equal(nodeOf(workflow, "make").outputs?.result, "the result");
    for (const [index, item] of ["one", "two"].entries()) {
      const used = nodeOf(workflow, `use(${index}:${item})`);
      const all = `${item} the result hello plain given in the manifest`;
      assert.equal(parameterOf(used, "all"), all);
      assert.equal(await log(used), `${all}\n`);
    }
    const plain = keyOf(nodeOf(workflow, "make"), "plain");
    assert.equal(await buckets.text(artifacts, plain), "plain");
    assert.equal(await log(nodeOf(workflow, "steps.onExit")), "ended as Succeeded\n");
  });

  it("a step that fails: its code, its outputs, and the exit handler", { timeout }, async (t) => {
    const workflow = await ran(t, "failing");

    assert.equal(workflow.status?.phase, "Failed");
    const node = nodeOf(workflow, "failing");
    assert.deepEqual([node.phase, node.outputs?.exitCode], ["Failed", "3"]);
    assert.match(node.message ?? "", /\(exit code 3\)/);
    assert.equal(await buckets.text(artifacts, keyOf(node, "state")), "half done\n");
    assert.equal(await log(node), "going to fail\n");
    assert.equal(await log(nodeOf(workflow, "failing.onExit")), "ended as Failed\n");
  });

  it("a step that is tried again: each attempt with outputs of its own", { timeout }, async (t) => {
    const workflow = await ran(t, "retried");

    assert.equal(workflow.status?.phase, "Succeeded");
    assert.equal(parameterOf(nodeOf(workflow, "retried"), "attempt"), "attempt 1");
    const [first, second] = [0, 1].map((attempt) => nodeOf(workflow, `retried(${attempt})`));
    assert.ok(first && second);
    assert.deepEqual([first.phase, first.outputs?.exitCode, second.phase], ["Failed", "10", "Succeeded"]);
    assert.deepEqual([await log(first), await log(second)], ["attempt 0\n", "attempt 1\n"]);
  });

  it("containerSet: containers in their order, a node for each", { timeout }, async (t) => {
    const workflow = await ran(t, "container-set");

    assert.equal(workflow.status?.phase, "Succeeded");
    const pod = nodeOf(workflow, "container-set");
    assert.equal(parameterOf(pod, "all"), "first\nsecond");
    assert.equal(await buckets.text(artifacts, keyOf(pod, "all")), "first\nsecond\n");
    const containers = nodes(workflow).filter(({ type }) => type === "Container");
    assert.deepEqual(containers.map(({ displayName, phase }) => `${displayName} ${phase}`).sort(), [
      "first Succeeded",
      "main Succeeded",
      "second Succeeded",
    ]);
  });

  it("HTTP templates: the agent answers, with no more than its rights", { timeout }, async (t) => {
    const workflow = await ran(t, "http", { server: "http://127.0.0.1:9180" });

    const [good, bad] = [nodeOf(workflow, "good"), nodeOf(workflow, "bad")];
    assert.deepEqual([good.phase, good.outputs?.result], ["Succeeded", "served over http\n"]);
    assert.equal(bad.phase, "Failed");
    assert.equal(workflow.status?.phase, "Succeeded");
  });

  it("resource templates: created, waited for, read and deleted", { timeout }, async (t) => {
    const workflow = await ran(t, "resource");

    assert.equal(workflow.status?.phase, "Succeeded");
    const created = nodeOf(workflow, "create");
    assert.match(parameterOf(created, "name") ?? "", /^made-by-a-step-/);
    assert.equal(parameterOf(created, "owner"), "resource");
    const left = await cluster.kubectl("get", "configmaps", "-n", namespace, "-o", "name");
    assert.doesNotMatch(left, /made-by-a-step/);
  });

  it("data templates: a step for each key that was listed", { timeout }, async (t) => {
    await buckets.put(artifacts, { "listed/a.txt": "a", "listed/b.md": "b", "listed/c d.txt": "c" });

    const workflow = await ran(t, "data");

    assert.equal(workflow.status?.phase, "Succeeded");
    assert.deepEqual(JSON.parse(nodeOf(workflow, "list").outputs?.result ?? ""), [
      "listed/a.txt",
      "listed/c d.txt",
    ]);
    assert.equal(await log(nodeOf(workflow, "one(1:listed/c d.txt)")), "listed/c d.txt\n");
  });

  it("artifact GC: what belongs to a deleted workflow goes, then the workflow", { timeout }, async (t) => {
    const workflow = await ran(t, "garbage");
    assert.equal(workflow.status?.phase, "Succeeded");
    const before = await buckets.keys(artifacts, "garbage/");

    await workflows.delete("garbage");
    await until("the workflow's removal", async () => {
      return await workflows.get("garbage").then(
        () => false,
        (error) => isExecutorError(error, "NotFound"),
      );
    });

    assert.deepEqual(
      before.filter((key) => !key.endsWith("main.log")),
      ["garbage/a.tgz", "garbage/folder/1", "garbage/folder/2", "garbage/folder/3", "garbage/kept"],
    );
    assert.deepEqual(await buckets.keys(artifacts, "garbage/"), ["garbage/kept"]);
  });

  it("a workflow that is stopped: the step says where it is, and that is saved", { timeout }, async (t) => {
    await workflows.submit(manifest("stopped"));
    await untilReady("stopped");

    await workflows.patch("stopped", { spec: { shutdown: "Stop" } });
    const workflow = await ended(t, "stopped");

    assert.equal(workflow.status?.phase, "Failed");
    assert.equal(nodeOf(workflow, "long").phase, "Failed");
    await until("the pod's end", async () => (await runningPods("stopped")).length === 0);
    assert.equal(await buckets.text(artifacts, "stopped/state"), "stopped\n");
    assert.equal(await log(nodeOf(workflow, "stopped.onExit")), "ended as Failed\n");
  });

  it("a workflow that is terminated: no pod stays, whether it listens or not", { timeout }, async (t) => {
    await workflows.submit(manifest("terminated"));
    await untilReady("terminated");

    await workflows.patch("terminated", { spec: { shutdown: "Terminate" } });
    const workflow = await ended(t, "terminated");

    assert.equal(workflow.status?.phase, "Failed");
    assert.deepEqual(
      nodes(workflow).map(({ displayName }) => displayName),
      ["terminated"],
    );
    await until("the pod's end", async () => (await runningPods("terminated")).length === 0);
  });

  it("a workflow that is suspended: no pod before it is resumed", { timeout }, async (t) => {
    await workflows.submit(manifest("suspended"));
    await until("the controller's look at it", async () => {
      const { metadata } = await workflows.get("suspended");
      return metadata.labels?.["workflows.argoproj.io/phase"] !== undefined;
    });
    const suspended = await runningPods("suspended");

    await workflows.patch("suspended", { spec: { suspend: null } });
    const workflow = await ended(t, "suspended");

    assert.deepEqual(suspended, []);
    assert.equal(workflow.status?.phase, "Succeeded");
    assert.equal(await log(nodeOf(workflow, "go")), "went on\n");
  });

  it("deploy/sync: the CronWorkflows fire, and the backup holds what the repository does", {
    timeout,
  }, async (t) => {
    const hard = ["a b", "ä/ö", "deep/er/x", "plus+and%25", "'quoted'"];
    await buckets.put(bucket("copied"), Object.fromEntries(hard.map((key) => [key, `content of ${key}`])));
    const first = await ran(t, "repository");
    await create(...(await deployedSync()));

    await succeeded(t, "argo-sync", first.status?.finishedAt ?? "");
    await succeeded(t, "argo-sync-all", first.status?.finishedAt ?? "");
    const afterOne = await sameContent(bucket("copied"), bucket("backup"));
    const second = await ran(t, "repository");
    await succeeded(t, "argo-sync", second.status?.finishedAt ?? "");
    const afterTwo = await sameContent(bucket("copied"), bucket("backup"));
    await cluster.kubectl("delete", "cronworkflows", "-n", namespace, "--all");

    // Three files, an archive and a log of each.
    assert.equal(afterOne, hard.length + 5);
    assert.equal(afterTwo, hard.length + 10);
  });

  it("examples/sync-fan-out.yaml: plan, a step for each shard, verify", { timeout }, async (t) => {
    const objects = Array.from({ length: 60 }, (_, index) => [`wf-${index}/ data`, `content ${index}`]);
    await buckets.put(bucket("spread"), Object.fromEntries(objects));
    const example = documents(readFileSync("examples/sync-fan-out.yaml", "utf8"))[0] as unknown as Workflow;
    const spec = { ...example.spec, serviceAccountName: "argo-sync" };
    await create(...(await deployedSync()).filter(({ kind }) => kind !== "CronWorkflow"), ...fanOutRole());

    const credentials = "accessKeySecret=my-backup-cred/accesskey&secretKeySecret=my-backup-cred/secretkey";
    const name = await workflows.submit(
      { ...example, spec },
      {
        source: "configmap/repositories#spread",
        target: `s3://${bucket("spread-out")}/argo?endpoint=http://127.0.0.1:9000&${credentials}`,
        shards: "3",
        image,
      },
    );
    const workflow = await ended(t, name);

    assert.equal(workflow.status?.phase, "Succeeded");
    const shards = JSON.parse(parameterOf(nodeOf(workflow, "plan"), "shards") ?? "") as readonly unknown[];
    const run = nodes(workflow).filter(({ type, templateName }) => type === "Pod" && templateName === "run");
    assert.deepEqual([shards.length, run.length], [3, 3]);
    for (const node of run) {
      const report = JSON.parse(await buckets.text(artifacts, keyOf(node, "report")));
      assert.equal(report.totals.failed?.objects ?? 0, 0);
      assert.match(await buckets.text(artifacts, keyOf(node, "page")), /<html/);
    }
    assert.match(await log(nodeOf(workflow, "verify")), /verified: 60 objects have the same content/);
    assert.equal(await sameContent(bucket("spread"), bucket("spread-out"), "argo/"), 60);
  });

  async function runningPods(workflow: string): Promise<readonly string[]> {
    const label = `workflows.argoproj.io/workflow=${workflow}`;
    const list = JSON.parse(await cluster.kubectl("get", "pods", "-n", namespace, "-l", label, "-o", "json"));
    return list.items
      .filter(({ status }: { status: { phase: string } }) => ["Pending", "Running"].includes(status.phase))
      .map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  }

  /** A workflow that a CronWorkflow has started after a moment, and that has done its work. */
  async function succeeded(t: TestContext, cron: string, since: string): Promise<void> {
    const workflow = await until(`a run of ${cron}`, async () => {
      const all = await workflows.list(`workflows.argoproj.io/cron-workflow=${cron}`);
      const late = all.filter(({ status }) => (status?.startedAt ?? "") > since);
      const bad = late.find(({ status }) => ["Failed", "Error"].includes(status?.phase ?? ""));
      if (bad) throw new Error(`${cron}: ${JSON.stringify(bad.status)}\n${controller?.log()}`);
      return late.find(({ status }) => status?.phase === "Succeeded");
    });
    t.diagnostic(`${workflow.metadata.name}: ${workflow.status?.phase}, started by ${cron}`);
  }

  /** The number of objects of both, which are the same ones. */
  async function sameContent(source: string, target: string, prefix = ""): Promise<number> {
    const [here, there] = [await buckets.content(source), await buckets.content(target, prefix)];
    const own = (key: string) => key.startsWith(".outrider-sync/");
    const objects = [...there].filter(([key]) => !own(key)).sort();
    assert.deepEqual(objects, [...here].sort());
    return objects.length;
  }

  /** deploy/sync as it is, but for the stores, the image, and how often it runs. */
  async function deployedSync(): Promise<readonly { readonly kind: string }[]> {
    const text = (await cluster.kubectl("kustomize", "deploy/sync"))
      .replace(/image: registry\.example\.com\S+/g, `image: ${image}`)
      .replace(/endpoint: \S+/g, "endpoint: 127.0.0.1:9000")
      .replace(/region: \S+/g, "region: us-east-1\n      insecure: true")
      .replace(/bucket: my-bucket/g, `bucket: ${bucket("copied")}`)
      .replace(/bucket: my-backup/g, `bucket: ${bucket("backup")}`)
      .replace(/schedules:\n {2}- .*/g, 'schedules:\n  - "@every 5s"');
    return documents(text) as unknown as readonly { readonly kind: string }[];
  }
});

/** What examples/sync-fan-out.yaml asks of its service account beyond deploy/sync. */
function fanOutRole(): readonly object[] {
  const metadata = { name: "fan-out" };
  const apiGroup = "rbac.authorization.k8s.io";
  const apiVersion = `${apiGroup}/v1`;
  const rule = {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: ["repositories"],
    verbs: ["get"],
  };
  const roleRef = { apiGroup, kind: "Role", ...metadata };
  const subjects = [{ kind: "ServiceAccount", name: "argo-sync" }];
  return [
    { apiVersion, kind: "Role", metadata, rules: [rule] },
    { apiVersion, kind: "RoleBinding", metadata, roleRef, subjects },
  ];
}

function secret(name: string): object {
  const stringData = { accesskey: "admin", secretkey: "password" };
  return { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData };
}

/** Repositories that workflows may name in place of the controller's. */
function repositories(): object {
  const repository = (name: string) => JSON.stringify({ archiveLogs: true, s3: s3Location(bucket(name)) });
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "repositories" },
    data: { copied: repository("copied"), spread: repository("spread") },
  };
}

function documents(text: string): readonly object[] {
  return parseAllDocuments(text).map((document) => document.toJS() as object);
}
