import { randomUUID } from "node:crypto";
import { ExecutorError } from "../src/errors/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  cleanPath,
  findOverlappingVolume,
  hasLocation,
  hasLocationOrKey,
  joinKey,
  parseGoDuration,
  withKey,
} from "../src/template/index.ts";
import type { ContainerSpec, Mount, Pod, Volume } from "./kubelet/index.ts";
import { availableVolumes } from "./manifest.ts";
import { executorImage, PodEnvironment } from "./pod-environment.ts";
import type { PodPlan } from "./pod-plan.ts";
import { secretNames } from "./secret-names.ts";
import type { DeskContainer, DeskTemplate } from "./workflow.ts";

const flags = ["--loglevel", "info", "--log-format", "text", "--gloglevel", "0"];

/** The pod that the controller of Argo 4.1 would make for a template (docs/contract/pod.md#4). */
export function buildPod(plan: PodPlan): Pod {
  const { template, names, isInitless = false } = plan;
  const archived = { ...template, archiveLocation: archiveLocation(plan) } as DeskTemplate;
  const env = new PodEnvironment(plan, archived);
  const mains = mainContainers(template).map((container) => withInputMounts(container, archived, isInitless));
  const sidecars = (template.sidecars ?? []).map((sidecar) => mirrored(sidecar, mains));
  const users = (template.initContainers ?? []).map((container) => mirrored(container, mains));
  const auxiliary = auxiliaryContainer(archived, mains, isInitless);
  const init = executorContainer("init", executorMounts(archived, false));
  const containers = [
    env.into(auxiliary),
    ...[...mains, ...sidecars].map((container) => env.into(wrapped(container, isInitless))),
  ];
  const initContainers = [...(isInitless ? [] : [init]), ...users].map((container) =>
    env.intoInit(container),
  );
  const deadline = activeDeadline(template);
  return {
    metadata: {
      name: names.pod,
      namespace: names.namespace,
      uid: randomUUID(),
      labels: { "workflows.argoproj.io/workflow": names.workflow },
      annotations: {
        "workflows.argoproj.io/node-id": names.nodeId,
        "workflows.argoproj.io/node-name": names.node,
      },
    },
    spec: {
      restartPolicy: "Never",
      serviceAccountName: plan.manifest.workflow.spec.serviceAccountName ?? "default",
      initContainers: initContainers.map(withRuntime),
      containers: containers.map(withRuntime),
      volumes: podVolumes(plan, archived, [...containers, ...initContainers]),
      ...(plan.gracePeriodSeconds ? { terminationGracePeriodSeconds: plan.gracePeriodSeconds } : {}),
      ...(deadline ? { activeDeadlineSeconds: deadline } : {}),
    },
  };
}

/** A template's own location counts; otherwise the repository's, logs included (docs/contract/pod.md#4.1 rule 4). */
function archiveLocation({ template, repository, names }: PodPlan): ArtifactLocation {
  const own = template.archiveLocation;
  if (own && hasLocation(own)) return own;
  const keyed = withKey(repository, joinKey(names.workflow, names.pod));
  return { ...keyed, archiveLogs: own?.archiveLogs ?? true };
}

function mainContainers(template: DeskTemplate): readonly DeskContainer[] {
  const { container, script, containerSet } = template;
  if (containerSet) {
    return containerSet.containers.map((member) => {
      const { dependencies: _dependencies, ...rest } = member;
      const mounts = [...(member.volumeMounts ?? []), ...(containerSet.volumeMounts ?? [])];
      return { ...rest, name: member.name || "main", volumeMounts: mounts } as DeskContainer;
    });
  }
  if (script) {
    const { source, ...rest } = script;
    const args = source ? [...(script.args ?? []), "/argo/staging/script"] : (script.args ?? []);
    const staging = { name: "argo-staging", mountPath: "/argo/staging" };
    return [
      { ...rest, name: "main", args, volumeMounts: [...(rest.volumeMounts ?? []), staging] },
    ] as DeskContainer[];
  }
  return [{ ...container, name: "main" } as DeskContainer];
}

/** Only a container named main sees input artifacts (docs/contract/pod.md#4.1 rule 8). */
function withInputMounts(
  container: DeskContainer,
  template: DeskTemplate,
  isInitless: boolean,
): DeskContainer {
  const artifacts = template.inputs?.artifacts ?? [];
  if (container.name !== "main" || artifacts.length === 0) return container;
  const mounts = isInitless
    ? [{ name: "input-artifacts", mountPath: "/argo/inputs/artifacts" }]
    : artifacts.flatMap((artifact) => inputMount(template, artifact));
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), ...mounts] };
}

function inputMount(template: DeskTemplate, artifact: Artifact): readonly Mount[] {
  const isAbsent = artifact.optional === true && !hasLocationOrKey(artifact);
  if (!artifact.path || isAbsent || findOverlappingVolume(template, artifact.path)) return [];
  return [{ name: "input-artifacts", mountPath: cleanPath(artifact.path), subPath: artifact.name }];
}

function mirrored(container: DeskContainer, mains: readonly DeskContainer[]): DeskContainer {
  const { mirrorVolumeMounts, ...rest } = container;
  const main = mains.find(({ name }) => name === "main");
  if (!mirrorVolumeMounts || !main) return rest;
  return { ...rest, volumeMounts: [...(rest.volumeMounts ?? []), ...(main.volumeMounts ?? [])] };
}

function auxiliaryContainer(
  template: DeskTemplate,
  mains: readonly DeskContainer[],
  isInitless: boolean,
): ContainerSpec {
  const main = mains.find(({ name }) => name === "main");
  const own = isInitless
    ? executorMounts(template, true)
    : executorMounts(template, false).filter(({ mountPath }) => mountPath.startsWith("/argo/secret/"));
  const mirrors = (main?.volumeMounts ?? []).map((mount) => ({
    ...mount,
    mountPath: `/mainctrfs${mount.mountPath}`,
    readOnly: false,
  }));
  const fresh = mirrors.filter(({ mountPath }) => !own.some((mount) => mount.mountPath === mountPath));
  return executorContainer(isInitless ? "supervisor" : "wait", [...own, ...fresh]);
}

/** Secrets, the volume of input artifacts, user volumes that inputs may lie on, and the script's (rules 7 to 9). */
function executorMounts(template: DeskTemplate, isAuxiliary: boolean): readonly Mount[] {
  const secrets = secretNames(template).map((name) => ({
    name,
    mountPath: `/argo/secret/${name}`,
    readOnly: true,
  }));
  const owner = template.container ?? template.script ?? template.containerSet;
  const users = (owner?.volumeMounts ?? []).map((mount) => ({
    ...mount,
    mountPath: `/mainctrfs${mount.mountPath}`,
  }));
  const hasInputs = (template.inputs?.artifacts ?? []).length > 0;
  return [
    ...secrets,
    ...(hasInputs ? [{ name: "input-artifacts", mountPath: "/argo/inputs/artifacts" }, ...users] : []),
    ...(template.script ? [{ name: "argo-staging", mountPath: "/argo/staging" }] : []),
    ...(isAuxiliary && hasInputs
      ? [{ name: "input-artifacts", mountPath: "/mainctrfs/argo/inputs/artifacts" }]
      : []),
  ];
}

function executorContainer(name: string, volumeMounts: readonly Mount[]): ContainerSpec {
  return { name, image: executorImage, command: ["argoexec", name, ...flags], volumeMounts };
}

/** A desk has no images to look a command up in: it must be in the manifest. */
function wrapped(container: ContainerSpec, isInitless: boolean): ContainerSpec {
  if ((container.command ?? []).length === 0) {
    throw new ExecutorError(
      "BadRequest",
      `container ${container.name} has no command: the image's own cannot be looked up here, so give one`,
    );
  }
  const program = isInitless ? "/argo-bin/bin/argoexec" : "/var/run/argo/argoexec";
  const bin = isInitless ? [{ name: "argoexec-bin", mountPath: "/argo-bin", readOnly: true }] : [];
  return {
    ...container,
    command: [program, "emissary", ...flags, "--", ...(container.command ?? [])],
    volumeMounts: [...(container.volumeMounts ?? []), ...bin],
  };
}

function withRuntime(container: ContainerSpec): ContainerSpec {
  const runtime = { name: "var-run-argo", mountPath: "/var/run/argo" };
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), runtime] };
}

function activeDeadline({ activeDeadlineSeconds, timeout }: DeskTemplate): number | undefined {
  const seconds = Number(activeDeadlineSeconds);
  if (seconds > 0) return seconds;
  return timeout ? parseGoDuration(timeout, "timeout") / 1000 : undefined;
}

function podVolumes(
  plan: PodPlan,
  template: DeskTemplate,
  containers: readonly ContainerSpec[],
): readonly Volume[] {
  const folders: Volume[] = [{ name: "var-run-argo", emptyDir: {} }];
  if (plan.isInitless) folders.push({ name: "argoexec-bin", image: {} });
  if ((template.inputs?.artifacts ?? []).length > 0) folders.push({ name: "input-artifacts", emptyDir: {} });
  if (template.script) folders.push({ name: "argo-staging", emptyDir: {} });
  const mounted = new Set(
    containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)),
  );
  const available = new Map(
    availableVolumes({ ...plan.manifest, template }).map((volume) => [volume.name, volume]),
  );
  const users = [...available.values()].filter(({ name }) => mounted.has(name));
  const secrets = secretNames(template)
    .filter((name) => !available.has(name))
    .map((name) => ({ name, secret: { secretName: name } }));
  return [...folders, ...users, ...secrets];
}
