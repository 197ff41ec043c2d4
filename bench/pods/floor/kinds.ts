import type { KubeObject, PodSpec } from "../../../test/cluster/recorded-pod.ts";
import { truePod as recordedTrue } from "../../../test/cluster/true-pod.ts";

export const layouts = ["legacy", "init-less"] as const;
export type Layout = (typeof layouts)[number];

/** What stands in for the stock executor of a recorded pod. */
export type Executor = "floor" | "ours" | "other" | "reference";

export interface Kind {
  readonly layout: Layout;
  readonly executor: Executor;
}

/** In the order in which they take turns. The reference has one layout before Argo 4.1. */
export const kinds: readonly Kind[] = [
  { layout: "legacy", executor: "floor" },
  { layout: "legacy", executor: "ours" },
  { layout: "legacy", executor: "other" },
  { layout: "legacy", executor: "reference" },
  { layout: "init-less", executor: "floor" },
  { layout: "init-less", executor: "ours" },
  { layout: "init-less", executor: "other" },
];

/** The image whose one program does nothing: `/nothing`. */
export const floorImage = "localhost/outrider-floor:bench";
/** Ours of another commit. */
export const otherImage = "localhost/outrider-other:bench";
/** The stock executor in an image of its own. */
export const referenceImage = "localhost/argoexec:bench";

export type Pod = KubeObject & { readonly spec: PodSpec };

/**
 * A pod of `true` as a stock controller made it: a log to be archived, no artifacts. The floor is a pod of the same
 * containers and volumes in which every program does nothing.
 */
export function truePod(
  { layout, executor }: Kind,
  name: string,
  owner: { readonly uid: string; readonly image: string },
): Pod {
  const images: Readonly<Record<Executor, string>> = {
    floor: floorImage,
    ours: owner.image,
    other: otherImage,
    reference: referenceImage,
  };
  const pod = recordedTrue(layout, name, { uid: owner.uid, image: images[executor] });
  return executor === "floor" ? idle(pod) : pod;
}

function idle(pod: Pod): Pod {
  const idled = <C extends object>(containers: readonly C[] = []) =>
    containers.map((container) => ({ ...container, image: floorImage, command: ["/nothing"], args: [] }));
  const { containers, initContainers, ...spec } = pod.spec;
  const before = initContainers ? { initContainers: idled(initContainers) } : {};
  return { ...pod, spec: { ...spec, ...before, containers: idled(containers) } };
}
