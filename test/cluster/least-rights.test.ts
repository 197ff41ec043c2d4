import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { connectCluster } from "./connect.ts";
import { initlessPluginPod, withPluginImage } from "./plugin-pods.ts";
import { type RecordedPod, readRecordings } from "./recorded-pod.ts";
import { restrict } from "./restricted.ts";
import { runRecording } from "./run-recording.ts";

const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
assert.ok(kubeconfig, "KUBECONFIG must name the cluster that the pods run in");
const { kube, kubectl, kubectlBoth } = await connectCluster(kubeconfig);
after(() => kube[Symbol.asyncDispose]());

interface Role {
  readonly what: string;
  readonly group: "legacy" | "init-less";
  readonly name: string;
  readonly serviceAccount: string;
  /** Its pod keeps artifacts with the plugin of examples/artifact-plugin, in a folder of the node. */
  readonly change?: (pod: Pod, store: string) => Pod;
}

type Pod = RecordedPod["pod"];

const executor = "argo-executor";
const roles: readonly Role[] = [
  { what: "init and wait", group: "legacy", name: "random-uid", serviceAccount: executor },
  { what: "init and wait with inputs", group: "legacy", name: "read-only-root", serviceAccount: executor },
  { what: "supervisor", group: "init-less", name: "random-uid", serviceAccount: executor },
  { what: "data", group: "legacy", name: "data", serviceAccount: executor },
  { what: "data", group: "init-less", name: "data", serviceAccount: executor },
  { what: "agent", group: "legacy", name: "http", serviceAccount: "argo-agent" },
  {
    what: "artifact delete",
    group: "legacy",
    name: "artifact-gc-completion",
    serviceAccount: "argo-artifact-gc",
  },
  { what: "resource", group: "legacy", name: "resource-create-wait", serviceAccount: "argo-resource" },
  {
    what: "agent with an executor plugin",
    group: "legacy",
    name: "plugin-executor",
    serviceAccount: "argo-agent",
  },
  {
    what: "init with an artifact plugin",
    group: "legacy",
    name: "plugin-artifact-in",
    serviceAccount: executor,
    change: withPluginImage,
  },
  {
    what: "wait with an artifact plugin",
    group: "legacy",
    name: "plugin-artifact-out",
    serviceAccount: executor,
    change: withPluginImage,
  },
  {
    what: "supervisor with an artifact plugin",
    group: "init-less",
    name: "artifact-over-input",
    serviceAccount: executor,
    change: initlessPluginPod,
  },
];

/** Where a plugin finds what the recorded pods and ours load from it. */
function pluginStore(t: TestContext): string {
  const store = mkdtempSync(join(tmpdir(), "outrider-restricted-store-"));
  t.after(() => rmSync(store, { recursive: true, force: true }));
  for (const file of ["demo/fixed/f", "in/x"]) {
    mkdirSync(dirname(join(store, file)), { recursive: true });
    writeFileSync(join(store, file), "from the plugin\n");
  }
  // Whoever the pod runs as.
  spawnSync("chmod", ["-R", "a+rwX", store]);
  return store;
}

/** No pod may use a folder of the node under the restricted standard: a volume of the pod in its place. */
function withoutNodeFolders(pod: Pod): Pod {
  const volumes = (pod.spec.volumes ?? []).map((volume) =>
    "hostPath" in volume ? { name: volume.name, emptyDir: {} } : volume,
  );
  return { ...pod, spec: { ...pod.spec, volumes } };
}

/** The pods' own place in a workflow says whose rights they get: the steps that set a role's stage are steps. */
function accountOf(pod: { readonly metadata: { readonly name: string } }, role: Role): string {
  const { name } = pod.metadata;
  if (role.serviceAccount === "argo-agent") return name.endsWith("-agent") ? role.serviceAccount : executor;
  if (role.name === "artifact-gc-completion") return /artgc/.test(name) ? role.serviceAccount : executor;
  return role.serviceAccount;
}

describe("R20: each role with the rights of deploy/, as a random user with a read-only root", {
  concurrency: 2,
}, () => {
  before(async () => {
    await kubectl("apply", "-n", "argo", "-k", "deploy");
    await kubectl("apply", "-n", "argo", "-f", "test/cluster/resource-role.yaml");
    await kubectl("apply", "-f", "test/cluster/restricted-namespace.yaml");
    // The controller manager makes it, and no pod is admitted without.
    await kubectl("wait", "-n", "restricted", "--for=create", "serviceaccount/default", "--timeout=60s");
  });

  for (const role of roles) {
    it(`${role.what} (${role.group}/${role.name}, ${role.serviceAccount})`, {
      timeout: 300_000,
    }, async (t) => {
      const recording = readRecordings(role.group).find(({ name }) => name === role.name);
      assert.ok(recording);
      const store = role.change ? pluginStore(t) : "";
      const changed = (pod: Pod) => role.change?.(pod, store) ?? pod;

      const runs = await runRecording(kube, recording, {
        image,
        stop: undefined,
        kubectl,
        change: (pod) => restrict(changed(pod as Pod), accountOf(pod as never, role)),
      });

      for (const { name, phase, containers, gcTasks } of runs) {
        t.diagnostic(`${name}: ${phase}`);
        // An executor plugin outlives the agent, until the controller deletes the pod.
        const isDone = phase === "Succeeded" || (name.endsWith("-agent") && containers.main?.exitCode === 0);
        assert.ok(isDone, `${name}: ${JSON.stringify(containers)}`);
        assert.doesNotMatch(JSON.stringify(gcTasks), /"success":false/);
      }
    });
  }

  for (const role of roles) {
    it(`the restricted Pod Security Standard admits it: ${role.what} (${role.group})`, async () => {
      const recording = readRecordings(role.group).find(({ name }) => name === role.name);
      const pod = recording?.pods.at(-1)?.pod;
      assert.ok(pod);
      const file = join(tmpdir(), `outrider-restricted-${role.group}-${role.name}.json`);
      const { ownerReferences: _, uid: __, ...metadata } = pod.metadata as Record<string, unknown>;
      const changed = withoutNodeFolders(role.change?.(pod, "/nowhere") ?? pod);
      const restricted = {
        ...restrict(changed, "default"),
        metadata: { ...metadata, namespace: "restricted" },
      };
      await writeFile(file, JSON.stringify(restricted));

      const { stderr } = await kubectlBoth("create", "--dry-run=server", "-f", file);
      await rm(file);

      // The test cluster has no pod network: each pod gets the host's, which the standard forbids. Nothing else may be said.
      const said = stderr.split("\n").filter((line) => line.startsWith("Warning: would violate"));
      assert.deepEqual(
        // With the host's network, a plugin's port is the host's, too.
        said.map((line) => line.replace(/\(container.*?\)/g, "").replace(/, hostPort $/, "")),
        ['Warning: would violate PodSecurity "restricted:latest": host namespaces (hostNetwork=true)'],
      );
    });
  }
});
