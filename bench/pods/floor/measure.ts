import { join } from "node:path";
import type { Cluster } from "../../../test/cluster/cluster.ts";
import { connectCluster } from "../../../test/cluster/connect.ts";
import { TaskTimes } from "../../../test/cluster/in-a-row/task-times.ts";
import { median, percentile, table } from "../../report.ts";
import { importPeers } from "./images.ts";
import { type Executor, kinds, type Layout, layouts } from "./kinds.ts";
import { runPod, type Took } from "./run-pod.ts";

export interface FloorOptions {
  /** Of each kind. */
  readonly pods: number;
  /** Folder with `ctr`. */
  readonly bin: string;
  /** Our image. */
  readonly image: string;
  /** The root folder of an image of another commit to measure beside. */
  readonly other: string | undefined;
}

export interface FloorRun {
  readonly took: readonly Took[];
  /** Why the reference was not there. */
  readonly whyNoReference: string | undefined;
}

/** Pods of `true` in turns: of programs that do nothing, with our executor, and with the reference's where it can be built. */
export async function measureFloor(
  cluster: Cluster,
  { pods, bin, image, other }: FloorOptions,
  say: (text: string) => void,
): Promise<FloorRun> {
  const { executors, whyNoReference } = await importPeers(cluster, other, say);
  if (whyNoReference) say(`without the reference: ${whyNoReference}`);
  const present = kinds.filter(({ executor }) => executors.includes(executor));
  const { kube } = await connectCluster(cluster.kubeconfig);
  await using _connection = kube;
  using times = new TaskTimes(join(bin, "ctr"));
  // Names that no earlier run has left anything under.
  const prefix = `floor-${Date.now().toString(36)}`;
  const took: Took[] = [];
  // The first turn fills caches, and opens what is kept open.
  for (let turn = 0; turn <= pods; turn++) {
    for (const [index, kind] of present.entries()) {
      const one = await runPod({ kube, times, image }, kind, `${prefix}-${turn}-${index}`);
      if (turn > 0) took.push(one);
    }
    if (turn % 10 === 0) say(`${turn} of ${pods} turns`);
  }
  return { took, whyNoReference };
}

type Measure = "wall" | "running" | "cpu";
const measures: readonly Measure[] = ["wall", "running", "cpu"];

/** The rows of both layouts, in seconds: median and 99th percentile; and by the medians what is above the floor. */
export function floorPage({ took, whyNoReference }: FloorRun): string {
  const figures = (layout: Layout, executor: Executor, measure: Measure) =>
    took
      .filter(({ kind }) => kind.layout === layout && kind.executor === executor)
      .map((one) => one[measure]);
  const middle = (layout: Layout, executor: Executor, measure: Measure) =>
    median(figures(layout, executor, measure));
  const above = (layout: Layout, executor: Executor, measure: Measure) =>
    (middle(layout, executor, measure) - middle(layout, "floor", measure)).toFixed(3);
  const executors = (["floor", "ours", "other", "reference"] as const).filter((executor) =>
    took.some(({ kind }) => kind.executor === executor),
  );
  const rows = layouts.flatMap((layout) =>
    executors
      .filter((executor) => figures(layout, executor, "wall").length > 0)
      .map((executor) => [
        layout,
        executor,
        ...measures.flatMap((measure) => {
          const all = figures(layout, executor, measure);
          const figure = `${median(all).toFixed(3)} (${percentile(all, 0.99).toFixed(3)})`;
          return [figure, executor === "floor" ? "" : above(layout, executor, measure)];
        }),
      ]),
  );
  const heads = ["creation to end", "containers run", "CPU"].flatMap((head) => [head, "above the floor"]);
  const note = whyNoReference
    ? `The reference could not be built here: \`${whyNoReference.replaceAll("`", "'")}\`.`
    : "The reference has no init-less layout before Argo 4.1.";
  return [table(["layout", "executor", ...heads], rows), note].join("\n\n");
}
