import { type Container, mainContainerNames, type Template } from "../template/index.ts";

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

const suffixes: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** A Kubernetes quantity such as 1Gi, 1.5G, 1e9; undefined for what the API server refuses. */
function quantityBytes(text: string): number | undefined {
  const [, digits, suffix = ""] =
    /^\+?(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const factor = suffixes[suffix];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}
