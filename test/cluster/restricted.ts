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
  const containers = pod.spec.containers.map((one) => (one.name === "main" ? withScratch(one) : one));
  const spec = {
    ...pod.spec,
    volumes: [...volumes, { name: "scratch", emptyDir: {} }],
    ...(initContainers ? { initContainers: initContainers.map(container) } : {}),
    containers: containers.map(container),
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

/** Steps that write to /tmp bring a volume for it. */
function withScratch(container: ContainerSpec): ContainerSpec {
  const mounts = (container as { volumeMounts?: readonly { mountPath: string }[] }).volumeMounts ?? [];
  if (mounts.some(({ mountPath }) => mountPath === "/tmp")) return container;
  return { ...container, volumeMounts: [...mounts, { name: "scratch", mountPath: "/tmp" }] } as ContainerSpec;
}
