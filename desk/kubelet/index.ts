export { Container, type ContainerEnd, type OutputLine } from "./container.ts";
export { expand, type Sources } from "./environment.ts";
export { DeskPod, type KubeletOptions, type PodEnd, shortTemporaryFolder } from "./kubelet.ts";
export { PathMap } from "./path-map.ts";
export type * from "./pod.ts";
export { containerProcesses } from "./processes.ts";
