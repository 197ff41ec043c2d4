import { readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processesOf, programOf } from "../../test/chaos/processes.ts";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { table } from "../report.ts";
import { removePod, workflowPod } from "./pod.ts";

/** Long enough for whatever an executor does at the start to be over, and its memory to have come back. */
const settleMs = 8000;

/** What lies in a pod for as long as the step's own program runs, bytes. */
export interface Standing {
  /** Of the program that `init` copies into the pod. */
  readonly copied: number;
  readonly emissary: Memory;
  readonly wait: Memory;
}

interface Memory {
  /** With the pages of the program's file, which all pods of a node share. */
  readonly resident: number;
  readonly anonymous: number;
}

/** A pod whose step sleeps, looked at from the node (proc(5)). */
export async function measureStanding(
  cluster: Cluster,
  options: {
    readonly name: string;
    readonly image: string;
    readonly workflowUid: string;
    readonly endpoint: string;
  },
): Promise<Standing> {
  const { name } = options;
  const template = { name: "sleeps", container: { image: "busybox", command: ["sleep", "600"] } };
  await removePod(cluster, name);
  await cluster.create(workflowPod({ ...options, template, memoryLimit: undefined }));
  try {
    await cluster.kubectl("wait", "pod", "-n", "argo", name, "--for=condition=Ready", "--timeout=60s");
    await sleep(settleMs);
    const text = await cluster.kubectl("get", "pod", "-n", "argo", name, "-o", "json");
    const { status } = JSON.parse(text) as {
      readonly status: { readonly containerStatuses: readonly Status[] };
    };
    const executors = (container: string) => {
      const id = status.containerStatuses.find((one) => one.name === container)?.containerID ?? "";
      const pids = processesOf(id.replace(/^.*\/\//, "")).filter(isExecutor);
      if (pids.length === 0)
        throw new Error(`no process of the executor runs in container ${container} of ${name}`);
      return pids;
    };
    const emissary = executors("main");
    return {
      copied: statSync(`/proc/${emissary[0]}/exe`).size,
      emissary: memoryOf(emissary),
      wait: memoryOf(executors("wait")),
    };
  } finally {
    await removePod(cluster, name);
  }
}

interface Status {
  readonly name: string;
  readonly containerID: string;
}

function isExecutor(pid: number): boolean {
  return ["argoexec", "node"].includes(programOf(pid));
}

function memoryOf(pids: readonly number[]): Memory {
  const sum = (field: string) =>
    pids.reduce((bytes, pid) => bytes + kibOf(readFileSync(`/proc/${pid}/status`, "utf8"), field) * 1024, 0);
  return { resident: sum("VmRSS"), anonymous: sum("RssAnon") };
}

function kibOf(status: string, field: string): number {
  const [, kib] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
  if (kib === undefined) throw new Error(`/proc/PID/status tells no ${field}`);
  return Number(kib);
}

export function standingPage(ours: Standing, reference: Standing): string {
  const memory = ({ resident, anonymous }: Memory) => `${size(resident)}, ${size(anonymous)}`;
  const row = (what: string, cell: (one: Standing) => string) => [what, cell(ours), cell(reference)];
  return table(
    ["", "ours", "reference"],
    [
      row("the program that `init` copies into the pod", ({ copied }) => size(copied)),
      row("emissary in main: resident, anonymous", ({ emissary }) => memory(emissary)),
      row("`wait`: resident, anonymous", ({ wait }) => memory(wait)),
    ],
  );
}

function size(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
