// Measures real pods on the cluster of test/cluster: `npm run bench:pods [-- [--write] [--pods N] [--reference] NAME…]`, where
// NAME may end with a star. One
// line a pod: seconds of the phase that the executor answers for, and for each container its life, CPU, peak anonymous memory
// and peak of the cgroup; with --reference the same by the stock executor, which takes its turn first. --write keeps the rows
// of pods that were not measured. Containers are sampled every 50 ms from their cgroups. `true` takes turns, N times (50): both layouts,
// each beside a pod of the same containers that do nothing, the stock executor as it is published where it can be built, and
// with --beside IMAGE_ROOT an image of another commit. `workflow` runs whole workflows under the unmodified controller, and
// `standing` looks at what lies in a pod while main runs.
import "../ready.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster, executorImage, startMinio } from "../../test/cluster/cluster.ts";
import { buildArgo, cacheDirectory, prepare } from "../../test/cluster/prerequisites.ts";
import { startDelayProxy } from "../../test/servers/delay-proxy/index.ts";
import { writeHeadlines } from "../headlines.ts";
import { expectSection, measuredOn, writeSection } from "../report.ts";
import { importPeers } from "./floor/images.ts";
import { referenceImage } from "./floor/kinds.ts";
import { floorPage, measureFloor } from "./floor/measure.ts";
import { createGarbage, garbagePod } from "./garbage.ts";
import { removePod, workflowPod } from "./pod.ts";
import { containers, type Measured, type Row, row, rowsTable, type Usage, writeRows } from "./rows.ts";
import { measureStanding, standingPage } from "./while-main-runs.ts";
import { measureWorkflows, workflowsPage } from "./whole-workflow.ts";
import { type Workload, workloads } from "./workloads.ts";

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    pods: { type: "string", default: "50" },
    beside: { type: "string" },
    reference: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
if (values.write)
  for (const name of ["pods", "standing", "workflow", "workloads"])
    expectSection("docs/performance.md", name);
const lonely = wanted.find(
  (name) => name.endsWith("-down") && !wanted.includes(name.replace(/-down$/, "-up")),
);
if (lonely !== undefined)
  throw new Error(`${lonely} loads what ${lonely.replace(/-down$/, "-up")} saves: name both`);
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
  if (wanted.includes("workflow")) await wholeWorkflows();
  if (wanted.includes("standing")) await standing();
  if (values.reference) await importPeers(cluster, undefined, say);
  const measured: Row[] = [];
  for (const workload of workloads()) {
    if (wanted.length > 0 && !wanted.some((name) => isMeant(name, workload.name))) continue;
    const reference = values.reference ? await measure(workload, referenceImage) : undefined;
    measured.push(row(workload.name, await measure(workload, executorImage), reference));
  }
  if (wanted.length === 0 || wanted.includes("gc")) {
    for (const delayMs of [0, 10]) {
      // One by one, it takes minutes far from the store.
      const isNear = delayMs === 0;
      const reference =
        values.reference && isNear ? await measureGarbage(delayMs, referenceImage) : undefined;
      const ours = await measureGarbage(delayMs, executorImage);
      measured.push(row(`gc-10000 at ${2 * delayMs} ms`, ours, reference));
    }
  }
  if (measured.length > 0) console.log(rowsTable(measured));
  if (values.write && measured.length > 0) writeRows(measured);
  if (values.write) writeHeadlines();
} finally {
  minio.stop();
  // The cluster's state stays, for the next run; what was stored does not, for that would be overwritten then.
  await cluster.stop();
  rmSync(store, { recursive: true, force: true, maxRetries: 5 });
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

/** A name, or the beginning of several and a star. */
function isMeant(wish: string, name: string): boolean {
  return wish.endsWith("*") ? name.startsWith(wish.slice(0, -1)) : name === wish;
}

/** Whole workflows, ours and the reference's in turns. */
async function wholeWorkflows(): Promise<void> {
  const { executors } = await importPeers(cluster, undefined, say);
  if (!executors.includes("reference")) throw new Error("there is no reference to measure beside");
  const program = await buildArgo("workflow-controller", say);
  const images = { ours: executorImage, reference: referenceImage };
  const rounds = Math.ceil(Number(values.pods) / 10);
  const took = await measureWorkflows({ kubeconfig: cluster.kubeconfig, program, rounds, images }, say);
  const page = workflowsPage(took);
  console.log(page);
  const notes = `${measuredOn(`npm run bench:pods -- --write --pods ${values.pods} workflow`)} Medians of ${rounds}, in turns.`;
  if (values.write) writeSection("docs/performance.md", "workflow", `${notes}\n\n${page}`);
}

/** What lies in a pod while main runs, ours and the reference's. */
async function standing(): Promise<void> {
  const { whyNoReference } = await importPeers(cluster, undefined, say);
  if (whyNoReference !== undefined)
    throw new Error(`there is no reference to measure beside: ${whyNoReference}`);
  const of = (name: string, image: string) =>
    measureStanding(cluster, { name, image, workflowUid, endpoint: minioEndpoint });
  const ours = await of("bench-standing", executorImage);
  const page = standingPage(ours, await of("bench-standing-reference", referenceImage));
  console.log(page);
  const notes = measuredOn("npm run bench:pods -- --write standing");
  if (values.write) writeSection("docs/performance.md", "standing", `${notes}\n\n${page}`);
}

async function measure(workload: Workload, image: string): Promise<Measured> {
  const template = workload.template(image === referenceImage ? "reference" : "ours");
  const name = `bench-${workload.name.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "")}`;
  const proxy =
    workload.delayMs > 0
      ? await startDelayProxy({ target: minioEndpoint, delayMs: workload.delayMs })
      : undefined;
  try {
    const pod = workflowPod({
      name,
      workflowUid,
      image,
      template,
      endpoint: proxy?.endpoint ?? minioEndpoint,
      memoryLimit: workload.memoryLimit,
    });
    const { ended, usage } = await sampled(name, async () => {
      await removePod(cluster, name);
      await cluster.kubectl("delete", "workflowtaskresult", "-n", "argo", name, "--ignore-not-found");
      await cluster.create(pod);
      return waitForEnd(name);
    });
    const byName = Object.fromEntries(containers.map((one) => [one, usage[ended.ids[one] ?? ""]]));
    const last = Math.max(...Object.values(byName).map((one) => one?.last ?? 0));
    const seconds =
      template.name === "down"
        ? (byName.init?.seconds ?? 0)
        : last - (await userProcessEnd(name, byName.init?.last ?? 0));
    const failures = Object.entries(ended.exits).filter(([, code]) => code !== 0);
    return { seconds, usage: byName, failures: failures.map(([one, code]) => `${one}: exit ${code}`) };
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
async function measureGarbage(delayMs: number, image: string): Promise<Measured> {
  const name = `bench-gc-${delayMs}`;
  const proxy = delayMs > 0 ? await startDelayProxy({ target: minioEndpoint, delayMs }) : undefined;
  const kind = "workflowartifactgctask";
  try {
    const tasks = await createGarbage(minioEndpoint, proxy?.endpoint ?? minioEndpoint, 10_000, 2500);
    for (const task of tasks) {
      await cluster.kubectl("delete", kind, "-n", "argo", task.metadata.name, "--ignore-not-found");
      await cluster.create(task);
    }
    const { ended, usage } = await sampled(name, async () => {
      await removePod(cluster, name);
      await cluster.create(garbagePod(name, image));
      return waitForEnd(name);
    });
    let missing = 10_000;
    for (const task of tasks) {
      const text = await cluster.kubectl("get", kind, "-n", "argo", task.metadata.name, "-o", "json");
      missing -= (text.match(/"success": true/g) ?? []).length;
    }
    const main = usage[ended.ids.main ?? ""];
    const failures = [
      ...(ended.exits.main === 0 ? [] : [`main: exit ${ended.exits.main}`]),
      ...(missing === 0 ? [] : [`${missing} not deleted`]),
    ];
    return { seconds: main?.seconds ?? 0, usage: { main }, failures };
  } finally {
    await proxy?.[Symbol.asyncDispose]();
  }
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
