import type { KubeClient } from "../../../src/kube/index.ts";
import { until } from "../../../test/chaos/until.ts";
import type { TaskTimes } from "../../../test/cluster/in-a-row/task-times.ts";
import type { KubeObject } from "../../../test/cluster/recorded-pod.ts";
import { type Kind, truePod } from "./kinds.ts";
import { PodCpu } from "./pod-cpu.ts";

const never = new AbortController().signal;
const pods = "/api/v1/namespaces/argo/pods";
const owners = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows";

export interface Surroundings {
  readonly kube: KubeClient;
  readonly times: TaskTimes;
  /** Our image. */
  readonly image: string;
}

/** What one pod took, in seconds; times of containers are the runtime's own. */
export interface Took {
  readonly kind: Kind;
  /** From the request that makes the pod to the end of its last container. */
  readonly wall: number;
  /** The part of it in which containers run: that of `init`, and from the start of the next one to the last one's end. */
  readonly running: number;
  /** CPU of all of its containers. */
  readonly cpu: number;
}

interface Status {
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  readonly state: { readonly terminated?: { readonly exitCode: number } };
}

/** Runs a pod of `true` to its end and has it removed from the node; an end that is not good is an error. */
export async function runPod({ kube, times, image }: Surroundings, kind: Kind, name: string): Promise<Took> {
  const workflow = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: { name }, spec: {} };
  const owner = await kube.request<KubeObject>({ method: "POST", path: owners, body: workflow }, never);
  const body = truePod(kind, name, { uid: owner.metadata.uid ?? "", image });
  const beganMs = Date.now();
  const { metadata } = await kube.request<KubeObject>({ method: "POST", path: pods, body }, never);
  using cpu = new PodCpu(metadata.uid ?? "");
  const { status } = await untilEnded(kube, metadata.resourceVersion ?? "", name);
  const { initContainerStatuses: first = [], containerStatuses: second = [] } = status;
  const bad = [...first, ...second].filter(({ state }) => state.terminated?.exitCode !== 0);
  if (bad.length > 0) throw new Error(`${name} did not end well: ${JSON.stringify(bad)}`);
  const [init, rest] = await Promise.all([between(times, first), between(times, second)]);
  const running = init.endMs - init.startMs + rest.endMs - rest.startMs;
  const took = { kind, wall: (rest.endMs - beganMs) / 1000, running: running / 1000, cpu: cpu.seconds };
  await kube.request({ method: "DELETE", path: `${pods}/${name}?gracePeriodSeconds=0` }, never);
  await kube.request({ method: "DELETE", path: `${owners}/${name}` }, never);
  // What the node does to tidy up is not the next pod's.
  await until(`the removal of ${name}`, () => !cpu.isThere);
  return took;
}

/** By one watch: asking again and again would take from what is measured. */
async function untilEnded(kube: KubeClient, resourceVersion: string, name: string): Promise<Status> {
  const path = `${pods}?watch=1&fieldSelector=metadata.name%3D${name}&resourceVersion=${resourceVersion}`;
  const { body } = await kube.open({ method: "GET", path }, never);
  let text = "";
  for await (const chunk of body) {
    text += chunk.toString("utf8");
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const { object } = JSON.parse(line) as { readonly object: Status };
      if (["Succeeded", "Failed"].includes(object.status.phase)) return object;
    }
  }
  throw new Error(`the watch of ${name} ended before the pod did`);
}

/** From the first start to the last end; nothing where there are no containers. */
async function between(times: TaskTimes, containers: readonly ContainerStatus[]) {
  const ids = containers.map(({ containerID = "" }) => containerID.replace(/^.*:\/\//, ""));
  if (ids.length === 0) return { startMs: 0, endMs: 0 };
  return await until("the runtime's events", () => {
    const all = ids.map((id) => times.of(id));
    if (!all.every((one) => one?.startedMs !== undefined && one.endedMs !== undefined)) return undefined;
    const startMs = Math.min(...all.map((one) => one?.startedMs ?? 0));
    return { startMs, endMs: Math.max(...all.map((one) => one?.endedMs ?? 0)) };
  });
}
