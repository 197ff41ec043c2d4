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
  const { initContainers, containers } = pod.spec;
  const spec = {
    ...pod.spec,
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
