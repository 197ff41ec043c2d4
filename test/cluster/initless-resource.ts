import type { ContainerEnd, ContainerSpec, RecordedPod, Recording } from "./recorded-pod.ts";

type Manifest = RecordedPod["pod"];
type Env = NonNullable<ContainerSpec["env"]>;

interface Container extends ContainerSpec {
  readonly command?: readonly string[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

/** A template of which only what decides on the pod's form is read. */
interface Template {
  readonly resource?: object;
  readonly archiveLocation?: { readonly archiveLogs?: boolean };
}

const bin = { name: "argoexec-bin", mountPath: "/argo-bin", readOnly: true };

/** How a pod of a recording is to be changed on its way to the other layout. */
export interface InitlessOptions {
  /** The executor's image, in place of the stock one. */
  readonly image: string;
  readonly archivesLogs: boolean;
}

/**
 * A resource pod of the legacy layout as Argo 4.1 makes it without init containers (docs/contract/roles.md#2.1): beside
 * main stands `supervisor` where a log is archived, and nothing where none is. Other pods stay as they are.
 */
export function initlessResource(pod: Manifest, { image, archivesLogs }: InitlessOptions): Manifest {
  const [init] = (pod.spec.initContainers ?? []) as readonly Container[];
  const text = init?.env?.find(({ name }) => name === "ARGO_TEMPLATE")?.value ?? "{}";
  const recorded = JSON.parse(text) as Template;
  if (!recorded.resource) return pod;
  const archiveLocation = { ...recorded.archiveLocation, archiveLogs: archivesLogs };
  const template = { name: "ARGO_TEMPLATE", value: JSON.stringify({ ...recorded, archiveLocation }) };
  const containers = (pod.spec.containers as readonly Container[]).flatMap((container) => {
    if (container.name === "main") {
      return [asMain(container, archivesLogs ? { name: "ARGO_WAIT_FOR_READY", value: "true" } : template)];
    }
    return archivesLogs ? [asSupervisor(container, template)] : [];
  });
  const volumes = [
    ...(pod.spec.volumes ?? []),
    { name: bin.name, image: { reference: image, pullPolicy: "IfNotPresent" } },
  ];
  const { initContainers: _, ...spec } = pod.spec;
  return { ...pod, spec: { ...spec, containers, volumes } };
}

function asMain(container: Container, more: Env[number]): Container {
  return {
    ...container,
    command: ["/argo-bin/bin/argoexec", ...(container.command ?? []).slice(1)],
    env: [...(container.env ?? []), more],
    volumeMounts: [...(container.volumeMounts ?? []), bin],
  };
}

function asSupervisor(wait: Container, template: Env[number]): Container {
  const env = (wait.env ?? []).map((variable) =>
    variable.name === "ARGO_CONTAINER_NAME" ? { ...variable, value: "supervisor" } : variable,
  );
  return {
    ...wait,
    name: "supervisor",
    command: ["argoexec", "supervisor", ...(wait.command ?? []).slice(2)],
    env: [...env, { name: "ARGO_INITLESS_POD", value: "true" }, template],
  };
}

/** What the stock executor left, under the names that containers have in the other layout. */
export function initlessRecord(recording: Recording, archivesLogs: boolean): Recording {
  const pods = recording.pods.map(({ pod, observed }) => {
    if (!JSON.stringify(pod.spec).includes('"resource"')) return { pod, observed };
    const { init: _, wait, ...containers } = observed.containers;
    const beside: Readonly<Record<string, ContainerEnd>> = archivesLogs && wait ? { supervisor: wait } : {};
    return { pod, observed: { ...observed, containers: { ...containers, ...beside } } };
  });
  return { ...recording, pods };
}
