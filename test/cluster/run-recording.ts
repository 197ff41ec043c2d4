import { setTimeout as sleep } from "node:timers/promises";
import { isExecutorError } from "../../src/errors/index.ts";
import type { KubeClient } from "../../src/kube/index.ts";
import type { ContainerEnd, KubeObject, PodSpec, RecordedPod, Recording } from "./recorded-pod.ts";
import { type Stop, stopContainers } from "./stop-containers.ts";
import { TaskResultStates } from "./task-result-states.ts";

const stockImage = /quay\.io\/argoproj\/argoexec:[\w.-]+/g;
const namespace = "argo";

/** What a pod left behind with our image. */
export interface PodRun {
  readonly name: string;
  readonly phase: string;
  readonly containers: Readonly<Record<string, ContainerEnd>>;
  /** Distinct states of the task result, in order. */
  readonly taskResults: readonly KubeObject[];
  /** The artifact GC tasks of the pod as it left them. */
  readonly gcTasks: readonly KubeObject[];
  /** What an agent reported of each node. */
  readonly taskSetNodes: Readonly<Record<string, unknown>> | undefined;
  /** Creation to the end of the last container, in seconds as the kubelet counts them. */
  readonly seconds: number;
}

export interface RunOptions {
  readonly image: string;
  /** What the controller does to this pod besides creating it. */
  readonly stop: Stop | undefined;
  readonly kubectl: (...args: string[]) => Promise<string>;
  /** Changes the pod before it is created. */
  readonly change?: (pod: object) => object;
}

/** Runs the pods of a recording in order, each with our image in place of the stock one, nothing else changed. */
export async function runRecording(
  kube: KubeClient,
  recording: Recording,
  options: RunOptions,
): Promise<PodRun[]> {
  const owner = await createOwner(kube, recording.workflow);
  if (recording.pods.some(isDaemon)) return runDaemon(kube, recording, owner, options);
  const runs: PodRun[] = [];
  for (const recorded of recording.pods) runs.push(await runPod(kube, recording, recorded, owner, options));
  return runs;
}

function isDaemon({ pod }: RecordedPod): boolean {
  return JSON.stringify(pod.spec).includes("readinessProbe");
}

/** A daemon's pod runs beside the next one, and the controller ends it after that. */
async function runDaemon(
  kube: KubeClient,
  recording: Recording,
  owner: string,
  options: RunOptions,
): Promise<PodRun[]> {
  const [daemon, client] = recording.pods;
  if (!daemon || !client) throw new Error(`${recording.name} must hold a daemon and its client`);
  const clientEnded = Promise.withResolvers<void>();
  const { name } = daemon.pod.metadata;
  const serving = runPod(kube, recording, daemon, owner, {
    ...options,
    stop: { until: () => clientEnded.promise, graceSeconds: 30 },
  });
  await waitForReady(kube, name);
  const afterwards = await runPod(kube, recording, client, owner, options);
  clientEnded.resolve();
  return [await serving, afterwards];
}

async function waitForReady(kube: KubeClient, name: string): Promise<void> {
  for (;;) {
    const pod = await kube
      .request<PodStatusObject>(
        { method: "GET", path: `/api/v1/namespaces/${namespace}/pods/${name}` },
        never,
      )
      .catch(() => undefined);
    if (pod?.status.containerStatuses?.some(({ name: container, ready }) => container === "main" && ready))
      return;
    await sleep(200);
  }
}

async function runPod(
  kube: KubeClient,
  recording: Recording,
  recorded: RecordedPod,
  ownerUid: string,
  options: RunOptions,
): Promise<PodRun> {
  const tasks = await createGcTasks(kube, recording, recorded, ownerUid);
  const adapted = adapt(recorded.pod, tasks[0]?.metadata.uid ?? ownerUid, options.image);
  const pod = (options.change?.(adapted) ?? adapted) as typeof adapted;
  const { name } = pod.metadata;
  const nodeId = recorded.pod.metadata.annotations?.["workflows.argoproj.io/node-id"] ?? name;
  await remove(kube, `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`);
  await remove(kube, `${taskResultsPath}/${nodeId}`);
  const offloaded = offloadedConfig(recording, recorded);
  if (offloaded) await createConfigMap(kube, offloaded);
  using states = await TaskResultStates.watch(kube, taskResultsPath, nodeId);
  const taskSet = name.endsWith("-agent") ? await createTaskSet(kube, recording, ownerUid) : undefined;
  await kube.request({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods`, body: pod }, never);
  if (options.stop) await stopContainers(name, options.stop, options.kubectl);
  const taskSetNodes = taskSet ? await completeTaskSet(kube, taskSet) : undefined;
  const ended = await waitForEnd(kube, name, recorded);
  const taskResults = await states.end();
  const gcTasks = await Promise.all(tasks.map((task) => get(kube, `${gcTasksPath}/${task.metadata.name}`)));
  return { name, ...ended, taskResults, gcTasks, taskSetNodes };
}

/** The tasks that the controller makes with an artifact GC pod, without what the executor adds to them. */
async function createGcTasks(
  kube: KubeClient,
  recording: Recording,
  { pod }: RecordedPod,
  ownerUid: string,
): Promise<readonly KubeObject[]> {
  const owners = pod.metadata.ownerReferences ?? [];
  const created: KubeObject[] = [];
  for (const { kind, name } of owners) {
    const [recorded] = recording.gcTasks?.[name] ?? [];
    if (kind !== "WorkflowArtifactGCTask" || !recorded) continue;
    const { uid: _uid, ...metadata } = recorded.metadata;
    const ownerReferences = metadata.ownerReferences?.map((owner) => ({ ...owner, uid: ownerUid })) ?? [];
    await remove(kube, `${gcTasksPath}/${name}`);
    const body = { ...recorded, metadata: { ...metadata, ownerReferences } };
    created.push(await kube.request<KubeObject>({ method: "POST", path: gcTasksPath, body }, never));
  }
  return created;
}

const taskSetsPath = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflowtasksets`;

interface TaskSet extends KubeObject {
  readonly spec: { readonly tasks: Readonly<Record<string, unknown>> };
  readonly status?: { readonly nodes?: Readonly<Record<string, { readonly phase?: string }>> };
}

/** The task set as the controller first writes it, with the tasks of all steps at once. */
async function createTaskSet(kube: KubeClient, recording: Recording, ownerUid: string): Promise<TaskSet> {
  const [[name, states] = ["", []]] = Object.entries(recording.taskSets ?? {});
  const [first] = states;
  if (!first) throw new Error(`${recording.name} must hold a task set`);
  const tasks = Object.assign({}, ...states.map((state) => (state as TaskSet).spec?.tasks ?? {}));
  const { uid: _uid, ...metadata } = first.metadata;
  const ownerReferences = metadata.ownerReferences?.map((owner) => ({ ...owner, uid: ownerUid })) ?? [];
  await remove(kube, `${taskSetsPath}/${name}`);
  const body = { ...first, metadata: { ...metadata, ownerReferences }, spec: { tasks }, status: undefined };
  return kube.request<TaskSet>({ method: "POST", path: taskSetsPath, body }, never);
}

/** Waits until the agent has reported every task, then says, as the controller does, that no more will come. */
async function completeTaskSet(
  kube: KubeClient,
  taskSet: TaskSet,
): Promise<Readonly<Record<string, unknown>>> {
  const path = `${taskSetsPath}/${taskSet.metadata.name}`;
  const deadline = Date.now() + 120_000;
  for (;;) {
    const { status } = (await get(kube, path)) as TaskSet;
    const nodes = status?.nodes ?? {};
    const open = Object.keys(taskSet.spec.tasks).filter(
      (id) => !["Succeeded", "Failed", "Error"].includes(nodes[id]?.phase ?? ""),
    );
    if (open.length === 0 || Date.now() > deadline) {
      const body = { metadata: { labels: { "workflows.argoproj.io/completed": "true" } } };
      await kube.request({ method: "PATCH", path, body, contentType: "application/merge-patch+json" }, never);
      return nodes;
    }
    await sleep(100);
  }
}

function get(kube: KubeClient, path: string): Promise<KubeObject> {
  return kube.request<KubeObject>({ method: "GET", path }, never);
}

const gcTasksPath = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflowartifactgctasks`;
const never = new AbortController().signal;
const taskResultsPath = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflowtaskresults`;

/** The pod with our image, owned by a workflow object that exists here. */
export function adapt(pod: KubeObject & { readonly spec: PodSpec }, ownerUid: string, image: string) {
  const recordedUid = pod.metadata.ownerReferences?.[0]?.uid ?? "";
  const text = JSON.stringify(pod)
    .replaceAll(recordedUid || "no owner", ownerUid)
    .replaceAll(stockImage, image);
  const adapted = JSON.parse(text) as KubeObject & { readonly spec: PodSpec };
  const { uid: _uid, ...metadata } = adapted.metadata;
  return { ...adapted, metadata };
}

async function createOwner(kube: KubeClient, name: string): Promise<string> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflows`;
  await remove(kube, `${path}/${name}`);
  const body = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: { name }, spec: {} };
  const made = await kube.request<KubeObject>({ method: "POST", path, body }, never);
  return made.metadata.uid ?? "";
}

/**
 * The config map that the controller offloads large templates and arguments to; recordings hold pods only. The one
 * recorded pod of this kind gets two arguments of 70,400 bytes.
 */
function offloadedConfig(recording: Recording, { pod }: RecordedPod): KubeObject | undefined {
  if (!pod.spec.volumes?.some((volume) => volume.name === "argo-env-config")) return undefined;
  const large = "0123456789abcdef".repeat(4400);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell expands it
  const args = ["echo ${#0} ${#1}", large, large];
  const { name } = pod.metadata;
  const template = {
    name: "main",
    inputs: {},
    outputs: {},
    metadata: {},
    container: { name: "", image: "busybox", command: ["sh", "-c"], args, resources: {} },
    archiveLocation: {
      archiveLogs: true,
      s3: {
        endpoint: "127.0.0.1:9000",
        bucket: "my-bucket",
        region: "us-east-1",
        insecure: true,
        accessKeySecret: { name: "my-minio-cred", key: "accesskey" },
        secretKeySecret: { name: "my-minio-cred", key: "secretkey" },
        key: `${recording.workflow}/${name}`,
      },
    },
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name },
    data: { ARGO_TEMPLATE: JSON.stringify(template), ARGO_CONTAINER_ARGS_FILE: JSON.stringify(args) },
  };
}

async function createConfigMap(kube: KubeClient, body: KubeObject): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  await remove(kube, `${path}/${body.metadata.name}`);
  await kube.request({ method: "POST", path, body }, never);
}

async function remove(kube: KubeClient, path: string): Promise<void> {
  const bare = path.split("?", 1)[0] ?? path;
  try {
    await kube.request({ method: "DELETE", path }, never);
    for (;;) {
      await kube.request({ method: "GET", path: bare }, never);
      await sleep(100);
    }
  } catch (error) {
    if (!isExecutorError(error, "NotFound")) throw error;
  }
}

async function waitForEnd(kube: KubeClient, name: string, recorded: RecordedPod) {
  const deadline = Date.now() + 180_000;
  for (;;) {
    const pod = await kube.request<PodStatusObject>(
      { method: "GET", path: `/api/v1/namespaces/${namespace}/pods/${name}` },
      never,
    );
    const { phase } = pod.status;
    const end = endOf(pod);
    // Executor plugins outlive the agent: the controller deletes such a pod when main has ended.
    const outlived = Object.values(end.containers).some(({ running }) => running !== undefined);
    const isOver = name.endsWith("-agent") && end.containers.main?.exitCode !== undefined && outlived;
    if (phase === "Succeeded" || phase === "Failed" || isOver) return { phase, ...end };
    if (Date.now() > deadline) {
      throw new Error(
        `pod ${name} is still ${phase} (recorded: ${recorded.observed.phase}): ${JSON.stringify(endOf(pod))}`,
      );
    }
    await sleep(200);
  }
}

interface PodStatusObject {
  readonly metadata: { readonly creationTimestamp: string };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly state: {
    readonly terminated?: { exitCode: number; reason: string; message?: string; finishedAt: string };
    readonly waiting?: object;
    readonly running?: object;
  };
}

function endOf(pod: PodStatusObject) {
  const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
  const containers: Record<string, ContainerEnd> = {};
  let last = Date.parse(pod.metadata.creationTimestamp);
  for (const { name, state } of statuses) {
    const { terminated } = state;
    if (terminated) {
      const { exitCode, reason, message } = terminated;
      containers[name] = { exitCode, reason, ...(message ? { message } : {}) };
      last = Math.max(last, Date.parse(terminated.finishedAt));
    } else {
      containers[name] = state.waiting ? { waiting: state.waiting } : { running: state.running ?? {} };
    }
  }
  return { containers, seconds: (last - Date.parse(pod.metadata.creationTimestamp)) / 1000 };
}
