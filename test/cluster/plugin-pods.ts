import type { ContainerSpec, RecordedPod } from "./recorded-pod.ts";

type Pod = RecordedPod["pod"];

interface Container extends ContainerSpec {
  readonly command?: readonly string[];
  readonly volumeMounts?: readonly object[];
}

/** The plugin of examples/artifact-plugin, as test/cluster makes an image of it. */
export const pluginImage = "localhost/outrider-plugin:test";
const entryPoint = ["python3", "/plugin/plugin.py"];
const socketFolder = "/tmp/artifact-plugins/demo";
const socket = `${socketFolder}/socket`;
const storeMount = { name: "plugin-store", mountPath: "/tmp/store" };

/** A recorded pod with our plugin in place of the stand-in, which keeps its artifacts in a folder of the node. */
export function withPluginImage(pod: Pod, store: string): Pod {
  const containers = pod.spec.containers.map(asPlugin);
  const initContainers = (pod.spec.initContainers ?? []).map(asPlugin);
  return { ...pod, spec: { ...pod.spec, containers, initContainers, volumes: withStore(pod, store) } };
}

function withStore(pod: Pod, path: string): NonNullable<Pod["spec"]["volumes"]> {
  return [...(pod.spec.volumes ?? []), { name: storeMount.name, hostPath: { path } } as { name: string }];
}

function asPlugin(container: Container): Container {
  const at = container.command?.lastIndexOf("--") ?? -1;
  if (!container.name.endsWith("artifact-plugin-demo") && container.name !== "init-artifact-demo")
    return container;
  return {
    ...container,
    image: pluginImage,
    command: [...(container.command ?? []).slice(0, at + 1), ...entryPoint, socket],
    volumeMounts: [...(container.volumeMounts ?? []), storeMount],
  };
}

const location = (key: string) => ({
  plugin: { name: "demo", configuration: `root: ${storeMount.mountPath}`, connectionTimeoutSeconds: 30, key },
});

/**
 * A recorded init-less pod whose template loads and saves through the plugin: the one sidecar for both directions
 * (docs/contract/roles.md#5.2). The step copies `/data/x` to `/data/y`.
 */
export function initlessPluginPod(pod: Pod, store: string): Pod {
  const outputs = { name: "tmp-dir-argo", mountPath: "/tmp/argo/outputs", subPath: "argo/outputs" };
  const sockets = { name: "artifact-plugin-demo", mountPath: socketFolder };
  const command = ["sh", "-c", "cat /data/x > /tmp/y; echo and back >> /tmp/y; cat /tmp/y"];
  const template = {
    name: "main",
    inputs: { artifacts: [{ name: "x", path: "/data/x", ...location("in/x") }] },
    outputs: {
      artifacts: [
        { name: "y", path: "/tmp/y", archive: { none: {} }, ...location("out/y") },
        { name: "packed", path: "/tmp/y", ...location("out/y.tgz") },
      ],
    },
    container: { name: "", image: "busybox", command },
    archiveLocation: { archiveLogs: true, ...location("logs") },
  };
  const containers = (pod.spec.containers as readonly Container[]).map((container): Container => {
    if (container.name === "main") {
      const { args: _, ...main } = container as Container & { args?: unknown };
      const at = container.command?.lastIndexOf("--") ?? -1;
      return { ...main, command: [...(container.command ?? []).slice(0, at + 1), ...command] };
    }
    const env = (container.env ?? []).filter(({ name }) => !name.startsWith("ARGO_TEMPLATE"));
    return {
      ...container,
      env: [
        ...env,
        { name: "ARGO_TEMPLATE", value: JSON.stringify(template) },
        { name: "ARGO_ARTIFACT_PLUGIN_NAMES", value: "artifact-plugin-demo" },
        { name: "ARGO_INPUT_ARTIFACT_PLUGIN_NAMES", value: "demo" },
      ],
      volumeMounts: [...(container.volumeMounts ?? []), sockets, outputs],
    };
  });
  const main = containers.find(({ name }) => name === "main");
  const sidecar: Container = {
    name: "artifact-plugin-demo",
    image: pluginImage,
    command: [
      "/argo-bin/bin/argoexec",
      "artifact-plugin-sidecar",
      "--loglevel",
      "info",
      "--",
      ...entryPoint,
      socket,
    ],
    env: [{ name: "ARGO_CONTAINER_NAME", value: "artifact-plugin-demo" }],
    volumeMounts: [...(main?.volumeMounts ?? []), sockets, outputs, storeMount],
  };
  const volumes = [...withStore(pod, store), { name: "artifact-plugin-demo", emptyDir: {} } as never];
  return { ...pod, spec: { ...pod.spec, containers: [...containers, sidecar], volumes } };
}

/**
 * A recorded artifact GC pod for artifacts of the plugin: `init`, and the plugin below the emissary beside main
 * (docs/contract/roles.md#4.1).
 */
export function garbagePluginPod(pod: Pod, store: string): Pod {
  const runtime = { name: "var-run-argo", mountPath: "/var/run/argo" };
  const sockets = { name: "artifact-plugin-demo", mountPath: socketFolder };
  const [main] = pod.spec.containers as readonly Container[];
  if (!main) throw new Error("an artifact GC pod has a main container");
  const others = (main.env ?? []).filter(({ name }) => name !== "ARGO_ARTIFACT_PLUGIN_NAMES");
  const env = [
    ...others.filter(({ name }) => !["ARGO_TEMPLATE", "ARGO_DEADLINE"].includes(name)),
    { name: "ARGO_TEMPLATE", value: "{}" },
    { name: "ARGO_DEADLINE", value: "2020-01-01T00:00:00Z" },
    { name: "ARGO_ARTIFACT_PLUGIN_NAMES", value: "artifact-plugin-demo" },
  ];
  const ours: Container = {
    ...main,
    env,
    volumeMounts: [...(main.volumeMounts ?? []), runtime, sockets],
  };
  const init = {
    name: "init",
    image: main.image,
    imagePullPolicy: "IfNotPresent",
    command: ["argoexec", "init", "--loglevel", "info"],
    env,
    volumeMounts: [runtime],
  };
  const plugin = {
    name: "artifact-plugin-demo",
    image: pluginImage,
    imagePullPolicy: "IfNotPresent",
    command: ["/var/run/argo/argoexec", "emissary", "--loglevel", "info", "--", ...entryPoint, socket],
    env: [{ name: "ARGO_CONTAINER_NAME", value: "artifact-plugin-demo" }],
    volumeMounts: [runtime, sockets, storeMount],
  };
  const folders = ["var-run-argo", "artifact-plugin-demo", "tmp-dir-argo"];
  const volumes = [...withStore(pod, store), ...folders.map((name) => ({ name, emptyDir: {} }) as never)];
  const spec = { ...pod.spec, initContainers: [init], containers: [ours, plugin], volumes };
  return { ...pod, spec } as Pod;
}
