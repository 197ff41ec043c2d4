import type { KubeClient } from "../../../src/kube/index.ts";
import { until } from "../../chaos/until.ts";
import { type KubeObject, layouts, type PodSpec } from "../recorded-pod.ts";
import { truePod } from "../true-pod.ts";
import type { TaskTimes } from "./task-times.ts";

export { layouts };
/** A recorded pod in one of its layouts, or one of as many containers without any executor: what the node takes itself. */
export type Kind = (typeof layouts)[number] | "without an executor";

const never = new AbortController().signal;
const pods = "/api/v1/namespaces/argo/pods";
const owners = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows";

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
  readonly state: { readonly terminated?: { readonly exitCode: number; readonly message?: string } };
}

export interface Surroundings {
  readonly kube: KubeClient;
  readonly times: TaskTimes;
  readonly image: string;
}

/** How long a pod took, by the runtime's own events. */
export interface Took {
  /** From the start of its first container to the end of its last one. */
  readonly wholeMs: number;
  /** The part of it after `init`; of a pod without such a container all of it. */
  readonly afterInitMs: number;
}

/** The same containers, each running `true`. */
function bare(pod: KubeObject & { readonly spec: PodSpec }) {
  const bared = <C extends object>(containers: readonly C[] = []) =>
    containers.map((container) => ({ ...container, image: "busybox", command: ["true"], args: [] }));
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: { ...pod.spec, containers: bared(containers), initContainers: bared(initContainers) },
  };
}

/**
 * Runs a pod of a workflow to its end and has both removed, and the task result with them; an end that is not good is an
 * error.
 */
export async function runPod({ kube, times, image }: Surroundings, kind: Kind, name: string): Promise<Took> {
  const workflow = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: { name }, spec: {} };
  const made = await kube.request<KubeObject>({ method: "POST", path: owners, body: workflow }, never);
  const layout = kind === "init-less" ? "init-less" : "legacy";
  const pod = truePod(layout, name, { uid: made.metadata.uid ?? "", image });
  const body = kind === "without an executor" ? bare(pod) : pod;
  await kube.request({ method: "POST", path: pods, body }, never);
  const { status } = await until(`the end of ${name}`, async () => {
    const now = await kube.request<Status>({ method: "GET", path: `${pods}/${name}` }, never);
    return ["Succeeded", "Failed"].includes(now.status.phase) && now;
  });
  const { initContainerStatuses: before = [], containerStatuses: beside = [] } = status;
  const bad = [...before, ...beside].filter(({ state }) => state.terminated?.exitCode !== 0);
  if (bad.length > 0) throw new Error(`${name} did not end well: ${JSON.stringify(bad)}`);
  const ids = (statuses: readonly ContainerStatus[]) =>
    statuses.map(({ containerID = "" }) => containerID.replace(/^.*:\/\//, ""));
  const took = await until(`the runtime's events of ${name}`, () => between(times, ids(before), ids(beside)));
  await kube.request({ method: "DELETE", path: `${pods}/${name}?gracePeriodSeconds=0` }, never);
  await kube.request({ method: "DELETE", path: `${owners}/${name}` }, never);
  return took;
}

function between(times: TaskTimes, before: readonly string[], beside: readonly string[]): Took | undefined {
  const all = [...before, ...beside].map((id) => times.of(id));
  if (!all.every((one) => one?.startedMs !== undefined && one.endedMs !== undefined)) return undefined;
  const startMs = Math.min(...all.map((one) => one?.startedMs ?? 0));
  const endMs = Math.max(...all.map((one) => one?.endedMs ?? 0));
  const initEndMs = Math.max(...before.map((id) => times.of(id)?.endedMs ?? 0), startMs);
  return { wholeMs: endMs - startMs, afterInitMs: endMs - initEndMs };
}

/** Resolves when the API server has none of these pods any more. */
export async function untilGone(kube: KubeClient): Promise<void> {
  await until("the removal of the pods", async () => {
    const list = await kube.request<{ readonly items: readonly KubeObject[] }>(
      { method: "GET", path: pods },
      never,
    );
    return list.items.every(({ metadata }) => !metadata.name.startsWith("row-"));
  });
}
