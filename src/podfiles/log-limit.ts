import { type Container, mainContainerNames, quantityBytes, type Template } from "../template/index.ts";

/**
 * The kubelet keeps its own copy of the same output (50 MiB by default), and the step wants most of its room for
 * itself.
 */
const logShare = 1 / 4;
const logBytesMin = 65_536;

/**
 * How many bytes each captured log may take up on the pod's volume; 0: any number. The kubelet evicts a pod whose
 * volumes, logs and writable layers together are larger than the sum of its containers' `ephemeral-storage` limits,
 * and asks nothing of a pod where none has one (Kubernetes, "Local ephemeral storage").
 */
export function logBytesMax(template: Template): number {
  const limit = storageLimits(template).reduce((sum, bytes) => sum + bytes, 0);
  if (limit === 0) return 0;
  return Math.max(logBytesMin, Math.floor((limit * logShare) / mainContainerNames(template).length));
}

function storageLimits(template: Template): readonly number[] {
  const mains = template.containerSet?.containers ?? [template.container, template.script];
  const containers: readonly (Container | undefined)[] = [...mains, ...(template.sidecars ?? [])];
  return containers.map((container) => {
    const limit = container?.resources?.limits?.["ephemeral-storage"];
    return limit === undefined ? 0 : (quantityBytes(String(limit)) ?? 0);
  });
}
