import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Buckets } from "../../test/cluster/argo/buckets.ts";
import { configuration, startController } from "../../test/cluster/argo/controller.ts";
import { type Workflow, Workflows } from "../../test/cluster/argo/workflows.ts";
import { connectCluster } from "../../test/cluster/connect.ts";
import { median, table } from "../report.ts";

const stepCount = 8;

export interface WorkflowRuns {
  readonly kubeconfig: string;
  /** The program `workflow-controller`. */
  readonly program: string;
  /** Of each executor, in turns. */
  readonly rounds: number;
  readonly images: Readonly<Record<string, string>>;
}

/**
 * Whole workflows of eight steps of `true`, one after the other, each with a log to be archived, under the unmodified
 * controller: seconds from the request that makes the workflow to its last phase, by executor.
 */
export async function measureWorkflows(
  { kubeconfig, program, rounds, images }: WorkflowRuns,
  say: (text: string) => void,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-workflows-"));
  const { kube, kubectl } = await connectCluster(kubeconfig);
  await using _connection = kube;
  using buckets = new Buckets();
  await using controllers = new AsyncDisposableStack();
  const bucket = `workflows-${process.pid}`;
  await buckets.create(bucket);
  await kubectl("apply", "-f", "test/cluster/argo/definitions.yaml");
  await kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
  const settings = join(folder, "settings.json");
  writeFileSync(
    settings,
    JSON.stringify({ apiVersion: "v1", kind: "List", items: [credentials, configuration(bucket)] }),
  );
  try {
    const executors: { name: string; workflows: Workflows; took: number[] }[] = [];
    for (const [name, image] of Object.entries(images)) {
      const namespace = `workflows-${name}-${process.pid}`;
      await kubectl("create", "namespace", namespace);
      await kubectl("apply", "-n", namespace, "-k", "deploy");
      await kubectl("apply", "-n", namespace, "-f", settings);
      const own = mkdtempSync(join(folder, "controller-"));
      controllers.use(startController({ program, kubeconfig, namespace, image, folder: own }));
      controllers.defer(async () => void (await kubectl("delete", "namespace", namespace, "--wait=false")));
      executors.push({ name, workflows: new Workflows(kube, namespace), took: [] });
    }
    // The first round fills caches.
    for (let round = 0; round <= rounds; round++) {
      for (const { name, workflows, took } of executors) {
        const began = performance.now();
        const { status } = await workflows.ended(await workflows.submit(inTurn(stepCount)));
        if (status.phase !== "Succeeded") throw new Error(`${name}: ${status.phase} ${status.message}`);
        if (round > 0) took.push((performance.now() - began) / 1000);
      }
      say(`${round} of ${rounds} rounds of workflows`);
    }
    return new Map(executors.map(({ name, took }) => [name, took]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Seconds by executor, and ours as a share of the reference's. */
export function workflowsPage(took: ReadonlyMap<string, readonly number[]>): string {
  const rows = [...took].map(([name, all]) => {
    const share = median(took.get("ours") ?? []) / median(all);
    return [name, median(all).toFixed(1), name === "ours" ? "" : share.toFixed(2)];
  });
  return table([`${stepCount} steps of \`true\`, whole workflow`, "seconds", "ours / this"], rows);
}

const credentials = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "my-minio-cred" },
  stringData: { accesskey: "admin", secretkey: "password" },
};

function inTurn(count: number): Workflow & { readonly metadata: { readonly generateName: string } } {
  const steps = Array.from({ length: count }, (_, index) => [{ name: `step-${index}`, template: "true" }]);
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { generateName: "in-turn-", name: "" },
    spec: {
      entrypoint: "all",
      templates: [
        { name: "all", steps },
        { name: "true", container: { image: "busybox", imagePullPolicy: "IfNotPresent", command: ["true"] } },
      ],
    },
  };
}
