import { mkdtemp, rm } from "node:fs/promises";
import type { TestContext } from "node:test";
import { buildPod, type DeskTemplate, podNames } from "../../desk/index.ts";
import type { ContainerSpec, Mount, Pod } from "../../desk/kubelet/index.ts";
import { location, type Servers, secrets } from "../pod/servers.ts";
import { pluginScript } from "../servers/artifact-plugin.ts";

const flags = ["--loglevel", "info", "--log-format", "text", "--gloglevel", "0"];
const socketMount: Mount = { name: "artifact-plugin-demo", mountPath: "/tmp/artifact-plugins/demo" };
const outputsMount: Mount = { name: "tmp-dir-argo", mountPath: "/tmp/argo/outputs", subPath: "argo/outputs" };

/** A folder where the plugin of a test keeps its artifacts. */
export async function storeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp("/tmp/plug-store-");
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A recorded pod with our plugin in place of the stand-in, keeping its artifacts in `store`. */
export function withRealPlugin(pod: object, python: string, store: string, ...args: string[]): Pod {
  const words = [python, pluginScript, ...args].map((word) => JSON.stringify(word)).join(",");
  const json = JSON.stringify(pod)
    .replaceAll('"--","python3",', `"--",${words},`)
    .replaceAll("root: /tmp/store", `root: ${store}`);
  return JSON.parse(json) as Pod;
}

export interface PluginPod {
  readonly servers: Servers;
  /** The plugin's entry point; the socket's path is added. */
  readonly command: readonly string[];
  readonly inputPlugins?: string;
}

/** The init-less pod of Argo 4.1 for a template whose artifacts the plugin `demo` keeps (docs/contract/roles.md#5.2). */
export function initlessPod(template: DeskTemplate, { servers, command, inputPlugins }: PluginPod): Pod {
  const named = { name: "step", ...template };
  const manifest = {
    template: named,
    workflow: { metadata: { name: "wf" }, spec: {} },
    isEntrypoint: true,
    readsResult: false,
    secrets,
    configMaps: {},
  };
  const pod = buildPod({
    manifest,
    template: named,
    names: podNames(manifest),
    repository: { s3: location(servers.store) },
    isInitless: true,
  });
  const containers = pod.spec.containers.map((container) =>
    container.name === "supervisor" ? supervisorWith(container, inputPlugins) : container,
  );
  const main = pod.spec.containers.find(({ name }) => name === "main");
  const sidecar: ContainerSpec = {
    name: "artifact-plugin-demo",
    image: "demo",
    command: [
      "/argo-bin/bin/argoexec",
      "artifact-plugin-sidecar",
      ...flags,
      "--",
      ...command,
      "/tmp/artifact-plugins/demo/socket",
    ],
    env: [{ name: "ARGO_CONTAINER_NAME", value: "artifact-plugin-demo" }],
    volumeMounts: [
      socketMount,
      outputsMount,
      { name: "var-run-argo", mountPath: "/var/run/argo" },
      { name: "argoexec-bin", mountPath: "/argo-bin" },
      ...(main?.volumeMounts ?? [])
        .filter(({ name }) => name === "input-artifacts")
        .map((mount) => ({ ...mount, mountPath: "/argo/inputs/artifacts" })),
    ],
  };
  const volumes = [
    ...(pod.spec.volumes ?? []),
    { name: "artifact-plugin-demo", emptyDir: {} },
    { name: "tmp-dir-argo", emptyDir: {} },
  ];
  return { ...pod, spec: { ...pod.spec, containers: [...containers, sidecar], volumes } };
}

function supervisorWith(container: ContainerSpec, inputPlugins: string | undefined): ContainerSpec {
  return {
    ...container,
    env: [
      ...(container.env ?? []),
      { name: "ARGO_ARTIFACT_PLUGIN_NAMES", value: "artifact-plugin-demo" },
      ...(inputPlugins ? [{ name: "ARGO_INPUT_ARTIFACT_PLUGIN_NAMES", value: inputPlugins }] : []),
    ],
    volumeMounts: [...(container.volumeMounts ?? []), socketMount, outputsMount],
  };
}

/** The artifact GC pod of Argo 4 for artifacts of the plugin `demo` (docs/contract/roles.md#4.1). */
export function garbagePod(podLabel: string, command: readonly string[]): Pod {
  const runtime = { name: "var-run-argo", mountPath: "/var/run/argo" };
  const env = [
    { name: "ARGO_POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "ARGO_TEMPLATE", value: "{}" },
    { name: "ARGO_DEADLINE", value: "2020-01-01T00:00:00Z" },
    { name: "ARGO_ARTIFACT_POD_NAME", value: podLabel },
    { name: "ARGO_ARTIFACT_PLUGIN_NAMES", value: "artifact-plugin-demo" },
  ];
  const init = { name: "init", command: ["argoexec", "init", ...flags], env, volumeMounts: [runtime] };
  const main = {
    name: "main",
    command: ["argoexec", "artifact", "delete", ...flags],
    env,
    volumeMounts: [runtime, socketMount],
  };
  const plugin = {
    name: "artifact-plugin-demo",
    command: [
      "/var/run/argo/argoexec",
      "emissary",
      ...flags,
      "--",
      ...command,
      "/tmp/artifact-plugins/demo/socket",
    ],
    env: [{ name: "ARGO_CONTAINER_NAME", value: "artifact-plugin-demo" }],
    volumeMounts: [runtime, socketMount],
  };
  return {
    metadata: { name: "wf-artgc-wfcomp-1", namespace: "argo" },
    spec: {
      initContainers: [init],
      containers: [main, plugin],
      volumes: [
        { name: "var-run-argo", emptyDir: {} },
        { name: "artifact-plugin-demo", emptyDir: {} },
        { name: "tmp-dir-argo", emptyDir: {} },
      ],
    },
  };
}
