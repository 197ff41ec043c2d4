// Measures real pods on the cluster of test/cluster: `npm run bench:pods [-- [--write] [--pods N] NAME…]`. One line a pod:
// seconds of the phase that the executor answers for, CPU, peak anonymous memory and peak of the cgroup, beside the stock
// executor's figure. Containers are sampled every 50 ms from their cgroups. `true` takes turns, N times (50): both layouts,
// each beside a pod of the same containers that do nothing, the stock executor as it is published where it can be built, and
// with --beside IMAGE_ROOT an image of another commit.
import "../ready.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster, executorImage, startMinio } from "../../test/cluster/cluster.ts";
import { cacheDirectory, prepare } from "../../test/cluster/prerequisites.ts";
import { startDelayProxy } from "../../test/servers/delay-proxy/index.ts";
import { measuredOn, writeSection } from "../report.ts";
import { floorPage, measureFloor } from "./floor/measure.ts";
import { createGarbage, garbagePod } from "./garbage.ts";
import { workflowPod } from "./pod.ts";
import { type Workload, workloads } from "./workloads.ts";

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    pods: { type: "string", default: "50" },
    beside: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const say = (text: string) => console.error(`# ${text}`);
const tools = await prepare(say);
const state = join(cacheDirectory(), "cluster");
const cluster = await Cluster.start(tools, state, say);
const image = "build/image";
await exec("node_modules/.bin/node", ["scripts/image.ts", image]);
await cluster.importImage(image, { Env: ["PATH=/bin"], Entrypoint: ["argoexec"] }, [executorImage]);
const store = join(state, "minio");
mkdirSync(store, { recursive: true });
const minio = await startMinio(join(tools.bin, "minio"), store);
const minioEndpoint = "127.0.0.1:9000";
const workflowUid = await createWorkflow();

try {
  if (wanted.length === 0 || wanted.includes("true")) await floor();
  console.log("| pod | seconds | reference | init: s / CPU s / anon MiB / cgroup MiB | wait | main |");
  console.log("|---|---|---|---|---|---|");
  for (const workload of workloads()) {
    if (wanted.length === 0 || wanted.some((name) => workload.name.startsWith(name))) await measure(workload);
  }
  if (wanted.length === 0 || wanted.includes("gc")) {
    for (const delayMs of [0, 10]) await measureGarbage(delayMs);
  }
} finally {
  minio.stop();
  // The state stays, for the next run.
  await cluster.stop();
}

/** What a pod of `true` takes above one that does nothing. */
async function floor(): Promise<void> {
  const pods = Number(values.pods);
  const options = { pods, bin: tools.bin, image: executorImage, other: values.beside };
  const page = floorPage(await measureFloor(cluster, options, say));
  console.log(page);
  const command = `npm run bench:pods -- --pods ${pods} true`;
  const notes = `${measuredOn(command)} Seconds, median (99th percentile) of ${pods} pods of each kind, in turns.`;
  if (values.write) writeSection("docs/performance.md", "pods", `${notes}\n\n${page}`);
}

async function measure(workload: Workload): Promise<void> {
  const name = `bench-${workload.name.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "")}`;
  const proxy =
    workload.delayMs > 0
      ? await startDelayProxy({ target: minioEndpoint, delayMs: workload.delayMs })
      : undefined;
  try {
    const pod = workflowPod({
      name,
      workflowUid,
      image: executorImage,
      template: workload.template,
      endpoint: proxy?.endpoint ?? minioEndpoint,
      memoryLimit: workload.memoryLimit,
    });
    const { ended, usage } = await sampled(name, async () => {
      await cluster.kubectl(
        "delete",
        "pod",
        "-n",
        "argo",
        name,
        "--ignore-not-found",
        "--grace-period=0",
        "--force",
      );
      await cluster.kubectl("delete", "workflowtaskresult", "-n", "argo", name, "--ignore-not-found");
      await cluster.create(pod);
      return waitForEnd(name);
    });
    const line = (container: string) => {
      const use = usage[ended.ids[container] ?? ""];
      const end = ended.exits[container];
      return use
        ? `${end === 0 ? "" : `exit ${end}: `}${use.seconds.toFixed(1)} / ${use.cpu.toFixed(2)} / ${(use.rssPeak / 2 ** 20).toFixed(0)} / ${(use.peak / 2 ** 20).toFixed(0)}`
        : "-";
    };
    const init = usage[ended.ids.init ?? ""];
    const last = Math.max(...Object.values(ended.ids).map((id) => usage[id]?.last ?? 0));
    const seconds =
      workload.template.name === "down"
        ? (init?.seconds ?? 0)
        : last - (await userProcessEnd(name, init?.last ?? 0));
    console.log(
      `| ${workload.name} | ${seconds.toFixed(2)} | ${workload.reference} | ${line("init")} | ${line("wait")} | ${line("main")} |`,
    );
  } finally {
    await proxy?.[Symbol.asyncDispose]();
  }
}

/** Task results need an owner that exists, or Kubernetes deletes them. */
async function createWorkflow(): Promise<string> {
  await cluster.kubectl("delete", "workflow", "-n", "argo", "bench", "--ignore-not-found");
  await cluster.create({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { name: "bench", namespace: "argo" },
    spec: {},
  });
  return cluster.kubectl("get", "workflow", "-n", "argo", "bench", "-o", "jsonpath={.metadata.uid}");
}

/** The artifact GC pod with the limits that the controller gives it, for 10,000 artifacts in four tasks. */
async function measureGarbage(delayMs: number): Promise<void> {
  const name = `bench-gc-${delayMs}`;
  const proxy = delayMs > 0 ? await startDelayProxy({ target: minioEndpoint, delayMs }) : undefined;
  try {
    const tasks = await createGarbage(minioEndpoint, proxy?.endpoint ?? minioEndpoint, 10_000, 2500);
    for (const task of tasks) {
      await cluster.kubectl(
        "delete",
        "workflowartifactgctask",
        "-n",
        "argo",
        task.metadata.name,
        "--ignore-not-found",
      );
      await cluster.create(task);
    }
    const { ended, usage } = await sampled(name, async () => {
      await cluster.kubectl(
        "delete",
        "pod",
        "-n",
        "argo",
        name,
        "--ignore-not-found",
        "--grace-period=0",
        "--force",
      );
      await cluster.create(garbagePod(name, executorImage));
      return waitForEnd(name);
    });
    const use = usage[ended.ids.main ?? ""];
    const left = await Promise.all(
      tasks.map(async (task) => {
        const text = await cluster.kubectl(
          "get",
          "workflowartifactgctask",
          "-n",
          "argo",
          task.metadata.name,
          "-o",
          "json",
        );
        return 2500 - (text.match(/"success": true/g) ?? []).length;
      }),
    );
    const missing = left.reduce((sum, count) => sum + count, 0);
    console.log(
      `| gc-10000 at ${2 * delayMs} ms | ${use?.seconds.toFixed(1)} | 10 x ${delayMs > 0 ? "27.7" : "14.5"} s | - | - | exit ${ended.exits.main}, ${missing} not deleted: ${use?.cpu.toFixed(2)} CPU s / ${((use?.rssPeak ?? 0) / 2 ** 20).toFixed(0)} / ${((use?.peak ?? 0) / 2 ** 20).toFixed(0)} |`,
    );
  } finally {
    await proxy?.[Symbol.asyncDispose]();
  }
}

interface Usage {
  /** When the container was last seen, in seconds since the epoch. */
  readonly last: number;
  readonly seconds: number;
  readonly cpu: number;
  readonly rssPeak: number;
  readonly peak: number;
}

/** Runs `work` while every container of the cluster is sampled. */
async function sampled<T>(
  name: string,
  work: () => Promise<T>,
): Promise<{ ended: T; usage: Readonly<Record<string, Usage>> }> {
  const file = `/tmp/outrider-usage-${name}.json`;
  const sampler = spawn("python3", ["test/cluster/usage.py", file]);
  const ended = await work();
  sampler.kill("SIGTERM");
  await once(sampler, "exit");
  return { ended, usage: JSON.parse(readFileSync(file, "utf8")) as Record<string, Usage> };
}

/** The user's program of an upload prints when it ends; other pods are measured from the end of init. */
async function userProcessEnd(name: string, otherwise: number): Promise<number> {
  const log = await cluster.kubectl("logs", "-n", "argo", name, "-c", "main");
  const stamp = Number(/^end ([\d.]+)$/m.exec(log)?.[1]);
  return Number.isFinite(stamp) ? stamp : otherwise;
}

/** By one watch: asking again and again would take half a processor from what is measured. */
async function waitForEnd(name: string) {
  const watch = cluster.kubectlLines(
    "get",
    "pod",
    "-n",
    "argo",
    name,
    "-w",
    "-o",
    "jsonpath={.status.phase}{'\\n'}",
  );
  for await (const phase of watch) if (["Succeeded", "Failed"].includes(phase)) break;
  return endOf(JSON.parse(await cluster.kubectl("get", "pod", "-n", "argo", name, "-o", "json")));
}

interface PodJson {
  readonly status: {
    readonly initContainerStatuses?: readonly StatusJson[];
    readonly containerStatuses: readonly StatusJson[];
  };
}

interface StatusJson {
  readonly name: string;
  readonly state: { readonly terminated?: { readonly exitCode: number; readonly containerID: string } };
}

function endOf(pod: PodJson) {
  const statuses = [...(pod.status.initContainerStatuses ?? []), ...pod.status.containerStatuses];
  const ids: Record<string, string> = {};
  const exits: Record<string, number> = {};
  for (const { name, state } of statuses) {
    if (!state.terminated) continue;
    ids[name] = state.terminated.containerID.replace(/^.*\/\//, "");
    exits[name] = state.terminated.exitCode;
  }
  return { ids, exits };
}

async function exec(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", 2, 2] });
  const [status] = (await once(child, "exit")) as [number | null];
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}`);
}
