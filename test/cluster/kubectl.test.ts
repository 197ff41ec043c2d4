// What `argoexec resource` does to the real API server, beside what kubectl does: objects and messages must be equal.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Case, cases } from "./kubectl-cases.ts";

const kubeconfig = process.env.KUBECONFIG ?? "";
assert.ok(kubeconfig, "KUBECONFIG must name a cluster that these tests may write to");
const kubectl = join(dirname(kubeconfig), "..", "bin", "kubectl");
/** The program as it is in the image: from the sources it would take most of these tests' time to load. */
const argoexec = resolve(import.meta.dirname, "../../dist/bin/argoexec");
const root = mkdtempSync(join(tmpdir(), "kubectl-"));
/** Of this run alone: a namespace that is being deleted refuses everything. */
const places = { theirs: `kubectl-theirs-${process.pid}`, ours: `kubectl-ours-${process.pid}` };

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? "", HOME: root, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, error] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    error += text;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, out, error };
}

/** The namespace is the context's, as in a pod: `-n` would be a demand. */
const theirConfig = join(root, "kubeconfig");
const theirs = (...args: readonly string[]) => run(kubectl, ["--kubeconfig", theirConfig, ...args]);

/** One step by kubectl, as the reference calls it (docs/contract/roles.md#2.4). */
async function byKubectl({
  action,
  manifest = "",
  flags = [],
  mergeStrategy,
}: Case["steps"][number]): Promise<string> {
  const file = join(root, "tmp", "manifest.yaml");
  writeFileSync(file, manifest);
  const files = manifest === "" || mergeStrategy === "json" ? [] : ["-f", file];
  const own = action === "delete" ? ["--ignore-not-found"] : [];
  const patch = action === "patch" ? ["--type", mergeStrategy ?? "strategic", "--patch-file", file] : [];
  const output = action === "delete" ? "name" : "json";
  const ran = await theirs(action, ...own, ...patch, ...flags, ...files, "-o", output);
  const warnings = /^(Warning|warning): .*\n/gm;
  return ran.code === 0 ? "" : ran.error.replace(warnings, "");
}

async function byUs({
  action,
  ...resource
}: Case["steps"][number] & { readonly successCondition?: string }): Promise<string> {
  rmSync(join(root, "dev/termination-log"), { force: true });
  const template = { name: "t", inputs: {}, outputs: {}, resource: { action, ...resource } };
  const args = ["resource", action, "--kubeconfig", kubeconfig, "--namespace", places.ours];
  const { code, error } = await run(argoexec, args, {
    ARGOEXEC_ROOT: root,
    ARGO_POD_NAME: "pod",
    ARGO_NODE_ID: "node",
    ARGO_WORKFLOW_NAME: "wf",
    ARGO_WORKFLOW_UID: "3f1f2a52-0000-4000-8000-000000000000",
    ARGO_DEADLINE: "0001-01-01T00:00:00Z",
    ARGO_TEMPLATE: JSON.stringify(template),
  });
  if (code === 0) return "";
  assert.equal(code, 64, error);
  return readFileSync(join(root, "dev/termination-log"), "utf8").replace(/^no more retries /, "");
}

interface Content {
  metadata: {
    name: string;
    annotations?: Record<string, string>;
    managedFields?: { manager: string; operation: string; subresource?: string }[];
  };
  status?: unknown;
}

/**
 * What two runs of the same steps have in common, however long each took. The controllers of the cluster are at work
 * meanwhile: a deployment's status, its revision and their owner are theirs, and there sooner or later. The server
 * orders the owners of fields by the second in which they wrote, and by name within one: a slow run has another order.
 */
function withoutTiming({ status: _, ...item }: Content): Content {
  const { annotations, managedFields, ...metadata } = item.metadata;
  const { "deployment.kubernetes.io/revision": _revision, ...own } = annotations ?? {};
  const owners = (managedFields ?? [])
    .filter(({ manager }) => manager !== "kube-controller-manager")
    .sort((a, b) => `${a.manager} ${a.operation}`.localeCompare(`${b.manager} ${b.operation}`));
  return { ...item, metadata: { ...metadata, annotations: own, managedFields: owners } };
}

/** Everything of these kinds in a namespace, without what no two objects have in common. */
async function contents(namespace: string): Promise<unknown> {
  const kinds = "configmaps,services,deployments,serviceaccounts,roles,controllerrevisions,widgets";
  const { code, out, error } = await theirs(
    "-n",
    namespace,
    "get",
    kinds,
    "-o",
    "json",
    "--show-managed-fields",
  );
  assert.equal(code, 0, error);
  const text = out
    .replaceAll(namespace, "NAMESPACE")
    .replaceAll(/"(uid|resourceVersion|creationTimestamp|time|clusterIP)": "[^"]*"/g, '"$1": ""')
    .replaceAll(/"127\.\d+\.\d+\.\d+"/g, '"IP"');
  const { items } = JSON.parse(text) as { items: Content[] };
  return items
    .filter(({ metadata }) => metadata.name !== "kube-root-ca.crt" && metadata.name !== "default")
    .map(withoutTiming);
}

const crds = ["widgets.example.com:Widget", "workflowtaskresults.argoproj.io:WorkflowTaskResult"].map(
  (each) => {
    const [name = "", kind = ""] = each.split(":");
    const [plural = "", ...group] = name.split(".");
    const version = kind === "Widget" ? "v1" : "v1alpha1";
    const openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    return {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name },
      spec: {
        group: group.join("."),
        scope: "Namespaced",
        names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
        versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    };
  },
);

async function establish(): Promise<void> {
  for (const crd of crds) {
    writeFileSync(join(root, "crd.json"), JSON.stringify(crd));
    await theirs("apply", "-f", join(root, "crd.json"));
  }
  await theirs("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
}

const gone = "The resource has been deleted while its status was still being checked. Will not be retried: ";

describe("argoexec resource beside kubectl, on the real API server", () => {
  before(async () => {
    for (const folder of ["tmp", "dev", "var/run/argo"]) mkdirSync(join(root, folder), { recursive: true });
    copyFileSync(kubeconfig, theirConfig);
    await theirs("config", "set-context", "--current", `--namespace=${places.theirs}`);
    await establish();
    for (const name of Object.values(places)) {
      assert.equal((await theirs("create", "namespace", name)).code, 0, name);
    }
  });

  after(async () => {
    await theirs("delete", "namespace", ...Object.values(places), "--wait=false");
    rmSync(root, { recursive: true, force: true });
  });

  it("says that the object was deleted, or its kind withdrawn, while it waited", async () => {
    const widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: waited-for}\n";
    const step = { action: "create", manifest: widget, successCondition: "spec.state == ready" };
    for (const [args, message] of [
      [["widget", "waited-for", "-n", places.ours], `${gone}widgets.example.com "waited-for" not found`],
      [["crd", "widgets.example.com"], /(not found|does not serve widgets of example.com v1 any more)$/],
    ] as const) {
      const ended = byUs(step);
      let isOver = false;
      ended.finally(() => {
        isOver = true;
      });
      const exists = async () => (await theirs("get", "widget", "waited-for", "-n", places.ours)).code === 0;
      while (!isOver && !(await exists()));

      assert.equal((await theirs("delete", ...args)).code, 0);

      const found = await ended;
      assert.ok(found.startsWith(gone), found);
      if (typeof message === "string") assert.equal(found, message);
      else assert.match(found, message);
    }
    await establish();
  });

  for (const { title, steps } of cases) {
    it(title, async () => {
      for (const step of steps) {
        const expected = await byKubectl(step);
        const found = await byUs(step);

        const plain = (text: string) =>
          text
            .replaceAll(places.theirs, "NS")
            .replaceAll(places.ours, "NS")
            // What a YAML parser says is its own affair.
            .replaceAll(/(error converting YAML to JSON: yaml: ).*/g, "$1…")
            .trimEnd();
        assert.equal(plain(found), plain(expected), `${step.action}: message`);
      }
      assert.deepEqual(await contents(places.ours), await contents(places.theirs));
    });
  }
});
