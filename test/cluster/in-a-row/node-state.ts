import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** What pods can leave behind on a node; what a page shows as a row each. */
export const kept = {
  processes: "processes in control groups of pods, and their shims",
  controlGroups: "control groups of pods",
  podFolders: "the kubelet's folders of pods",
  containerFolders: "the runtime's folders of containers, and their file systems",
  mounts: "mounts",
  sockets: "unix sockets of pods, and of their shims",
} as const;

export type NodeState = Readonly<Record<keyof typeof kept, number>> & {
  /** Of kubelet and containerd: descriptors, and MiB of resident memory. */
  readonly descriptors: number;
  readonly memoryMiB: number;
};

const runtime = "/run/outrider-containerd";

/** @param state the cluster's folder */
export function nodeState(state: string): NodeState {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const inPods = processes.filter((pid) => read(`/proc/${pid}/cgroup`).includes("kubepods"));
  const shims = processes.filter((pid) => read(`/proc/${pid}/cmdline`).includes("containerd-shim"));
  const daemons = ["kubelet", "containerd"].map((name) => read(join(state, `log/${name}.pid`)).trim());
  const lines = (file: string) => read(file).split("\n");
  return {
    processes: inPods.length + shims.length,
    controlGroups: controlGroups("/sys/fs/cgroup/memory/kubepods"),
    podFolders: entries(join(state, "kubelet/pods")),
    containerFolders:
      entries(`${runtime}/io.containerd.runtime.v2.task/k8s.io`) +
      entries(join(state, "containerd/io.containerd.snapshotter.v1.overlayfs/snapshots")),
    mounts: lines("/proc/self/mounts").filter((line) => line.includes(state) || line.includes(runtime))
      .length,
    // A shim's own socket is named by a hash.
    sockets: lines("/proc/net/unix").filter((line) => /\/ctr\/[^/]+\/outputs|containerd\/s\//.test(line))
      .length,
    descriptors: daemons.reduce((sum, pid) => sum + entries(`/proc/${pid}/fd`), 0),
    memoryMiB: daemons.reduce((sum, pid) => sum + residentMiB(pid), 0),
  };
}

function controlGroups(folder: string): number {
  let count = 0;
  for (const name of names(folder)) {
    const path = join(folder, name);
    if (/^(pod|[0-9a-f]{64})/.test(basename(path))) count += 1;
    count += controlGroups(path);
  }
  return count;
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    // It has gone meanwhile, or never was.
    return [];
  }
}

function entries(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}

function residentMiB(pid: string): number {
  const [, kib = "0"] = /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return Math.round(Number(kib) / 1024);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
