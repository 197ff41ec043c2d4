import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isExecutorError } from "../../src/errors/index.ts";
import type { KubeClient } from "../../src/kube/index.ts";
import type { ContainerEnd, KubeObject, PodSpec } from "../cluster/recorded-pod.ts";
import { adapt } from "../cluster/run-recording.ts";
import { watchEvents } from "../cluster/watch-events.ts";
import { type Cleanup, secrets, startStore } from "../pod/servers.ts";
import { ApiFront } from "../servers/api-front.ts";
import type { ChaosEnd, ChaosPod, ChaosServers, Stage } from "./pod.ts";
import { nodeBelow, processesOf, type Victim } from "./processes.ts";
import { until } from "./until.ts";
import { type Layout, newFolder, workload } from "./workload.ts";

const never = new AbortController().signal;
const pods = "/api/v1/namespaces/argo/pods";
const argo = "/apis/argoproj.io/v1alpha1/namespaces/argo";
const secretName = "chaos-minio-cred";

export interface ClusterOptions {
  readonly kube: KubeClient;
  /** As test/cluster/up writes it: the cluster's state is in the folder above its own. */
  readonly kubeconfig: string;
  readonly image: string;
}

/** A single-node Kubernetes on this machine: pods reach its API server and their store through servers that fail. */
export async function clusterStage(options: ClusterOptions): Promise<Stage> {
  await ensureSecret(options.kube);
  const front = frontOptions(dirname(options.kubeconfig));
  let count = 0;
  return {
    slackSeconds: 10,
    startServers: async (cleanup) => {
      const api = await ApiFront.start(front);
      cleanup.after(() => api[Symbol.asyncDispose]());
      const servers: ChaosServers & { readonly api: ApiFront } = { api, ...(await startStore(cleanup)) };
      const startPod = (layout: Layout, volumes: Readonly<Record<string, string>>) => {
        const name = `chaos-${Date.now().toString(36)}-${count++}`;
        const manifest = workload(layout, servers.store.endpoint, volumes);
        return ClusterPod.start(cleanup, servers, { ...options, name, manifest });
      };
      return { servers, startPod };
    },
  };
}

async function ensureSecret(kube: KubeClient): Promise<void> {
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: secretName },
    stringData: secrets["my-minio-cred"],
  };
  try {
    await kube.request({ method: "POST", path: "/api/v1/namespaces/argo/secrets", body }, never);
  } catch (error) {
    if (!isExecutorError(error, "Conflict")) throw error;
  }
}

/** The cluster's authority vouches for a server at 127.0.0.1, as pods know no other. */
function frontOptions(pki: string) {
  const folder = mkdtempSync(join(newFolder(), "front-"));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    at("key"),
    "-out",
    at("csr"),
    "-subj",
    "/CN=front",
  );
  writeFileSync(at("names"), "subjectAltName=IP:127.0.0.1");
  const authority = [
    "-CA",
    join(pki, "ca.crt"),
    "-CAkey",
    join(pki, "ca.key"),
    "-set_serial",
    String(Date.now()),
  ];
  openssl("x509", "-req", "-in", at("csr"), ...authority, "-out", at("crt"), "-extfile", at("names"));
  const certificate = { cert: readFileSync(at("crt"), "utf8"), key: readFileSync(at("key"), "utf8") };
  rmSync(dirname(folder), { recursive: true });
  const ca = readFileSync(join(pki, "ca.crt"), "utf8");
  return { target: { host: "127.0.0.1", port: 443 }, ca, certificate };
}

interface Wanted extends ClusterOptions {
  readonly name: string;
  readonly manifest: ReturnType<typeof workload>;
}

interface Status {
  readonly metadata: { readonly uid: string };
  readonly spec: PodSpec;
  readonly status: {
    readonly phase?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string };
}

interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  readonly state: { readonly terminated?: ContainerEnd };
}

/** A pod in a real kubelet; its processes are found from the node, by their control groups. */
class ClusterPod implements ChaosPod {
  readonly servers: ChaosServers;
  readonly nodeId: string;
  readonly ended: Promise<ChaosEnd>;
  readonly #wanted: Wanted;
  readonly #logs: string;
  #now: Status;

  private constructor(servers: ChaosServers, wanted: Wanted, made: Status, logs: string) {
    this.servers = servers;
    this.nodeId = wanted.name;
    this.#wanted = wanted;
    this.#now = made;
    this.#logs = logs;
    this.ended = this.#follow();
    this.ended.catch(() => undefined);
  }

  static async start(
    cleanup: Cleanup,
    servers: ChaosServers & { readonly api: ApiFront },
    wanted: Wanted,
  ): Promise<ClusterPod> {
    const { kube, name, image, manifest } = wanted;
    const workflow = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: { name }, spec: {} };
    const owner = await kube.request<KubeObject>(
      { method: "POST", path: `${argo}/workflows`, body: workflow },
      never,
    );
    const text = JSON.stringify(manifest)
      .replaceAll(manifest.metadata.name, name)
      .replaceAll("my-minio-cred", secretName);
    const pod = adapt(JSON.parse(text), owner.metadata.uid ?? "", image);
    const body = { ...pod, spec: throughFront(pod.spec, servers.api.port) };
    const made = await kube.request<Status>({ method: "POST", path: pods, body }, never);
    const logs = newFolder();
    const running = new ClusterPod(servers, wanted, made, logs);
    cleanup.after(async () => {
      await running.#remove(`${pods}/${name}?gracePeriodSeconds=0`);
      await running.#remove(`${argo}/workflows/${name}`);
      rmSync(logs, { recursive: true, force: true });
    });
    return running;
  }

  onNode(path: string): string {
    const main = this.#now.spec.containers.find(({ name }) => name === "main");
    const { volumeMounts = [] } = main as { volumeMounts?: readonly { name: string; mountPath: string }[] };
    const mount = volumeMounts.find(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`));
    if (!mount) throw new Error(`${path} is on no volume`);
    const volumes: readonly Volume[] = this.#now.spec.volumes ?? [];
    const hostPath = volumes.find(({ name }) => name === mount.name)?.hostPath?.path;
    const state = dirname(dirname(this.#wanted.kubeconfig));
    const own = join(
      state,
      "kubelet/pods",
      this.#now.metadata.uid,
      "volumes/kubernetes.io~empty-dir",
      mount.name,
    );
    return join(hostPath ?? own, path.slice(mount.mountPath.length));
  }

  async isRunning(container: string): Promise<boolean> {
    return this.#processes(container).length > 0;
  }

  firstProcess(container: string): Promise<number> {
    return until(`a process in ${container}`, () => this.#processes(container)[0]);
  }

  async nodeOf(container: string): Promise<number | undefined> {
    const [first] = this.#processes(container);
    return first === undefined ? undefined : nodeBelow(first);
  }

  async kill(container: string, victim: Victim): Promise<void> {
    const first = await this.firstProcess(container);
    if (victim === "container") await outOfMemory(first);
    else if (victim === "first process") process.kill(first, "SIGKILL");
    else process.kill(await until(`a child in ${container}`, () => this.#processes(container)[1]), "SIGKILL");
  }

  async delete(graceSeconds: number): Promise<void> {
    // With the pod its logs go.
    for (const name of this.#containers()) this.#keepLog(name);
    await this.#remove(`${pods}/${this.nodeId}?gracePeriodSeconds=${graceSeconds}`);
  }

  log(container: string): string {
    this.#keepLog(container);
    let text = "";
    try {
      text = readFileSync(join(this.#logs, container), "utf8");
    } catch {
      // It has not been started.
    }
    // Lines of the container runtime interface: time, stream, F or P (the line goes on), text.
    return text.replaceAll(/^\S+ \S+ F (.*\n)|^\S+ \S+ P (.*)\n/gm, "$1$2");
  }

  async taskResult(): Promise<KubeObject | undefined> {
    try {
      const path = `${argo}/workflowtaskresults/${this.nodeId}`;
      return await this.#wanted.kube.request<KubeObject>({ method: "GET", path }, never);
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** What the kubelet says last: a pod that was deleted is gone a moment later, which only a watch cannot miss. */
  async #follow(): Promise<ChaosEnd> {
    const { kube } = this.#wanted;
    const watching = new AbortController();
    const events = await watchEvents<Status>(kube, { collection: pods, name: this.nodeId }, watching.signal);
    for await (const { type, object } of events) {
      this.#now = object;
      const { phase = "" } = object.status;
      if (type !== "DELETED" && !["Succeeded", "Failed"].includes(phase)) continue;
      watching.abort();
      return this.#end();
    }
    throw new Error(`the watch of ${this.nodeId} ended before the pod`);
  }

  #end(): ChaosEnd {
    const codes: Record<string, number> = {};
    const messages: Record<string, string> = {};
    for (const { name, state } of this.#statuses()) {
      const { exitCode, message, reason } = state.terminated ?? {};
      // The kubelet's word for a container that it has never started.
      if (exitCode === undefined || reason === "ContainerStatusUnknown") continue;
      codes[name] = exitCode;
      if (message) messages[name] = message;
    }
    return { codes, messages };
  }

  #statuses(): readonly ContainerStatus[] {
    const { initContainerStatuses = [], containerStatuses = [] } = this.#now.status;
    return [...initContainerStatuses, ...containerStatuses];
  }

  #containers(): readonly string[] {
    const { initContainers = [], containers } = this.#now.spec;
    return [...initContainers, ...containers].map(({ name }) => name);
  }

  /** The first one first; none until the kubelet has told the API server which container it is. */
  #processes(container: string): readonly number[] {
    const id = this.#statuses()
      .find(({ name }) => name === container)
      ?.containerID?.replace(/^.*:\/\//, "");
    if (!id) return [];
    return [...processesOf(id)].sort((a, b) => firstness(a) - firstness(b) || a - b);
  }

  /** A second name for the file, which stays when the kubelet removes the first. */
  #keepLog(container: string): void {
    const folder = join("/var/log/pods", `argo_${this.nodeId}_${this.#now.metadata.uid}`, container);
    try {
      linkSync(join(folder, "0.log"), join(this.#logs, container));
    } catch {
      // Kept already, or nothing was printed yet.
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#wanted.kube.request({ method: "DELETE", path }, never);
    } catch (error) {
      if (!isExecutorError(error, "NotFound")) throw error;
    }
  }
}

/** Every container finds the API server where the front is. */
function throughFront(spec: PodSpec, port: number): PodSpec {
  const env = [
    { name: "KUBERNETES_SERVICE_HOST", value: "127.0.0.1" },
    { name: "KUBERNETES_SERVICE_PORT", value: String(port) },
  ];
  const changed = <C extends object>(one: C) => ({
    ...one,
    env: [...((one as { env?: readonly object[] }).env ?? []), ...env],
  });
  const { initContainers, containers } = spec;
  return {
    ...spec,
    ...(initContainers ? { initContainers: initContainers.map(changed) } : {}),
    containers: containers.map(changed),
  };
}

/**
 * Lets the kernel's out-of-memory killer take every process of a container: one more uses up the memory that the
 * container's control group is given. It would be taken last: the others get the oom_score_adj that a kubelet gives to
 * pods without requests, where the node lets it (proc(5)).
 */
async function outOfMemory(pid: number): Promise<void> {
  const [, place = ""] =
    /^\d+:(?:[\w,]*\bmemory\b[\w,]*):(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? [];
  if (place === "") throw new Error("no control group of memory (cgroups(7), version 1) is mounted");
  const eater = spawn("python3", ["-c", eat, join("/sys/fs/cgroup/memory", place)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await once(eater, "exit");
  await until("the end of a container whose memory is used up", () => hasEnded(pid));
}

/** Writes to a file in memory, which counts for the group and not for the process that writes. */
const eat = `
import os, sys, tempfile
group = sys.argv[1]
with open(group + "/cgroup.procs") as f: there = f.read().split()
for pid in there:
    with open("/proc/" + pid + "/oom_score_adj", "w") as f: f.write("1000")
with open(group + "/cgroup.procs", "w") as f: f.write(str(os.getpid()))
with open(group + "/memory.usage_in_bytes") as f: used = int(f.read())
with open(group + "/memory.limit_in_bytes", "w") as f: f.write(str(used + (64 << 20)))
block = b"x" * (1 << 20)
with tempfile.TemporaryFile(dir="/dev/shm") as eaten:
    for _ in range(1024):
        with open(group + "/cgroup.procs") as f:
            if len(f.read().split()) == 1: sys.exit(0)
        eaten.write(block)
sys.exit(1)
`;

/** Gone, or dead and not yet waited for (proc(5), State). */
function hasEnded(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

/** Its number in the container's own process namespace, which is 1 for the first (proc(5), NSpid). */
function firstness(pid: number): number {
  try {
    const [, numbers = ""] = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(numbers.trim().split(/\s+/).at(-1));
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}
