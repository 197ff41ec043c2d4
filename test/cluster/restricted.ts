import type { ContainerSpec, KubeObject, PodSpec } from "./recorded-pod.ts";

type Pod = KubeObject & { readonly spec: PodSpec };

/** Somebody whom no image knows. */
const uid = 54_321;

/**
 * The pod as a controller makes it with the configuration in deploy/restricted and the service accounts of deploy: no
 * root, no privileges, a read-only root file system in every container.
 */
export function restrict(pod: Pod, serviceAccount: string): Pod {
  const container = (one: ContainerSpec) => ({
    ...one,
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    },
  });
  const securityContext = {
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: 0,
    fsGroup: uid,
    seccompProfile: { type: "RuntimeDefault" },
  };
  const { initContainers, volumes = [] } = pod.spec;
  const prepared = (one: ContainerSpec) => container(writes(one) ? withScratch(one) : one);
  const spec = {
    ...pod.spec,
    volumes: [...volumes, { name: "scratch", emptyDir: {} }],
    ...(initContainers ? { initContainers: initContainers.map(prepared) } : {}),
    containers: pod.spec.containers.map(prepared),
    serviceAccountName: serviceAccount,
    securityContext,
  };
  // Agent and GC pods mount the token of their service account by its name.
  const text = JSON.stringify(spec).replaceAll(
    "default.service-account-token",
    `${serviceAccount}.service-account-token`,
  );
  return { ...pod, spec: JSON.parse(text) as PodSpec };
}

/** What writes to its own file system brings volumes for it: steps to /tmp and /data, a plugin to the folder of its socket. */
function withScratch(container: ContainerSpec): ContainerSpec {
  const mounts = (container as { volumeMounts?: readonly { mountPath: string }[] }).volumeMounts ?? [];
  const missing = ["/tmp", "/data"].filter((path) => !mounts.some(({ mountPath }) => mountPath === path));
  const scratch = missing.map((path) => ({ name: "scratch", mountPath: path, subPath: path.slice(1) }));
  return { ...container, volumeMounts: [...mounts, ...scratch] } as ContainerSpec;
}

function writes({ name }: ContainerSpec): boolean {
  return name === "main" || name.startsWith("init-artifact-");
}
