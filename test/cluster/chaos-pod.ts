import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeClient } from "../../src/kube/index.ts";
import { type Layout, workload } from "../chaos/workload.ts";
import type { ContainerEnd, KubeObject } from "./recorded-pod.ts";
import { adapt } from "./run-recording.ts";

const never = new AbortController().signal;
const pods = "/api/v1/namespaces/argo/pods";
const argo = "/apis/argoproj.io/v1alpha1/namespaces/argo";
const recordedNames = { legacy: "volumes-overlap-r68p4", "init-less": "volumes-overlap-c7cjq" };

interface Status {
  readonly metadata: { readonly uid: string };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  readonly state: { readonly terminated?: ContainerEnd };
}

export interface Surroundings {
  readonly kube: KubeClient;
  readonly kubectl: (...args: string[]) => Promise<string>;
  readonly kubeconfig: string;
  readonly image: string;
  /** `HOST:PORT` of the store. */
  readonly store: string;
}

/** The pod of test/chaos in a real kubelet; its processes are found from the node, by their control groups. */
export class ChaosPod {
  readonly name: string;
  readonly #surroundings: Surroundings;
  #uid = "";

  private constructor(name: string, surroundings: Surroundings) {
    this.name = name;
    this.#surroundings = surroundings;
  }

  static async start(layout: Layout, name: string, surroundings: Surroundings): Promise<ChaosPod> {
    const { kube, image, store } = surroundings;
    const owner = await kube.request<KubeObject>(
      {
        method: "POST",
        path: `${argo}/workflows`,
        body: { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: { name }, spec: {} },
      },
      never,
    );
    const renamed = JSON.stringify(workload(layout, store)).replaceAll(recordedNames[layout], name);
    const body = adapt(JSON.parse(renamed), owner.metadata.uid ?? "", image);
    const pod = new ChaosPod(name, surroundings);
    const made = await kube.request<Status>({ method: "POST", path: pods, body }, never);
    pod.#uid = made.metadata.uid;
    return pod;
  }

  /** The processes of a container, the first one first; none until the kubelet has told the API server which it is. */
  async processes(container: string): Promise<readonly number[]> {
    const { status } = await this.#get();
    const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    const id = all.find(({ name }) => name === container)?.containerID?.replace(/^.*:\/\//, "");
    if (!id) return [];
    const found = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && isIn(pid, id));
    return found.map(Number).sort((a, b) => firstness(a) - firstness(b) || a - b);
  }

  /** Node in a container; undefined while none runs. */
  async node(container: string): Promise<number | undefined> {
    return (await this.processes(container)).find((pid) => nameOf(pid) === "node");
  }

  async untilMade(): Promise<void> {
    const { kubectl } = this.#surroundings;
    await until("the step's outputs", async () =>
      (await kubectl("logs", "-n", "argo", this.name, "-c", "main").catch(() => "")).includes("made"),
    );
  }

  /** No Node runs in the auxiliary container, and the task result is there. */
  async untilAsleep(container: string): Promise<void> {
    await this.untilMade();
    await until("the announcement", async () => (await this.taskResult()) !== undefined);
    await until("the sleep", async () => {
      const names = (await this.processes(container)).map(nameOf);
      return names.length > 0 && !names.includes("node");
    });
  }

  /** Lets the step end. */
  openGate(): void {
    const state = dirname(dirname(this.#surroundings.kubeconfig));
    writeFileSync(join(state, "kubelet/pods", this.#uid, "volumes/kubernetes.io~empty-dir/work/go"), "");
  }

  async delete(graceSeconds: number): Promise<void> {
    const path = `${pods}/${this.name}?gracePeriodSeconds=${graceSeconds}`;
    await this.#surroundings.kube.request({ method: "DELETE", path }, never);
  }

  /** Resolves when every container has ended. */
  async end(): Promise<Readonly<Record<string, ContainerEnd>>> {
    let ends: Record<string, ContainerEnd> = {};
    await until("the end of the pod", async () => {
      const pod = await this.#get();
      const { phase, initContainerStatuses = [], containerStatuses = [] } = pod.status;
      ends = {};
      for (const { name, state } of [...initContainerStatuses, ...containerStatuses])
        if (state.terminated) ends[name] = state.terminated;
      return phase === "Succeeded" || phase === "Failed";
    });
    return ends;
  }

  async taskResult(): Promise<KubeObject | undefined> {
    try {
      const path = `${argo}/workflowtaskresults/${this.name}`;
      return await this.#surroundings.kube.request<KubeObject>({ method: "GET", path }, never);
    } catch {
      // Not there yet, or the API server is away.
      return undefined;
    }
  }

  /** The names of the artifacts that were reported. */
  async saved(): Promise<readonly string[]> {
    const outputs = (await this.taskResult())?.outputs as { artifacts?: { name: string }[] } | undefined;
    return (outputs?.artifacts ?? []).map(({ name }) => name);
  }

  async isCompleted(): Promise<boolean> {
    const labels = (await this.taskResult())?.metadata.labels;
    return labels?.["workflows.argoproj.io/report-outputs-completed"] === "true";
  }

  #get(): Promise<Status> {
    return this.#surroundings.kube.request<Status>({ method: "GET", path: `${pods}/${this.name}` }, never);
  }
}

type Look<T> = T | false | undefined;

/** Waits for what no event tells of, and returns it; a busy node needs its time to start containers. */
export async function until<T>(what: string, look: () => Look<T> | Promise<Look<T>>): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await sleep(50);
  }
}

function isIn(pid: string, containerId: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(containerId);
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

function nameOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return "";
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
