// Pods of `true` in a row in a real kubelet, alternating between both layouts, every tenth beside one without an
// executor: `npm run test:cluster:row [-- --pods N] [--rows N] [--seconds N] [--go-on]`, in several rows side by side, and no
// more of them after so many seconds, if told so. What they leave on the node fails it; how long they took
// goes into docs/reliability.md. With --go-on it adds to what earlier runs measured, on the same node started anew, so
// that a machine that has other work to do can be given back meanwhile.
import { rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { until } from "../../chaos/until.ts";
import { Cluster, executorImage, startMinio } from "../cluster.ts";
import { connectCluster } from "../connect.ts";
import { cacheDirectory, prepare, whyNotHere } from "../prerequisites.ts";
import { kept, type NodeState, nodeState } from "./node-state.ts";
import { earlierRows, keepRows, type Row, writePage } from "./page.ts";
import { type Kind, layouts, runPod, untilGone } from "./pods.ts";
import { TaskTimes } from "./task-times.ts";

const { values } = parseArgs({
  options: {
    pods: { type: "string", default: "1000" },
    rows: { type: "string", default: "1" },
    seconds: { type: "string" },
    "go-on": { type: "boolean", default: false },
  },
});
const say = (text: string) => console.log(`# ${text}`);
const reason = whyNotHere();
if (reason) {
  console.log(`The pods in a row were left out: ${reason}.\n0 passed, 0 failed, 1 skipped`);
  process.exit(0);
}

const endMs =
  values.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(values.seconds) * 1000;
const tools = await prepare(say);
const state = join(cacheDirectory(), "row");
const rows = [...(values["go-on"] ? earlierRows() : [])];
if (rows.length === 0) rmSync(state, { recursive: true, force: true });
const cluster = await Cluster.start(tools, state, say);
try {
  await cluster.importImage("build/image", { Env: ["PATH=/bin"], Entrypoint: ["argoexec"] }, [executorImage]);
  const minio = await startMinio(join(tools.bin, "minio"), join(state, "minio"));
  try {
    rows.push(await runRows(Number(values.pods), Number(values.rows)));
  } finally {
    minio.stop();
  }
  keepRows(rows);
  writePage("docs/reliability.md");
} finally {
  await cluster.stop();
}

async function runRows(count: number, rows: number): Promise<Row> {
  const { kube } = await connectCluster(cluster.kubeconfig);
  await using _connection = kube;
  using times = new TaskTimes(join(tools.bin, "ctr"));
  // Names that no earlier run has left anything under.
  const prefix = `row-${Date.now().toString(36)}`;
  const surroundings = { kube, times, image: executorImage };
  let number = 0;
  const run = async (kind: Kind) => ({
    kind,
    ...(await runPod(surroundings, kind, `${prefix}-${number++}`)),
  });
  const took: Row["took"][number][] = [];
  // The first ones fill caches, and open what is kept open.
  for (const kind of [...layouts, "without an executor", ...layouts] as const) await run(kind);
  await untilGone(kube);
  const before = await settled();
  let begun = 0;
  const row = async () => {
    while (begun < count && Date.now() < endMs) {
      const own = begun++;
      took.push(await run(layouts[own % layouts.length] ?? "legacy"));
      if (own % 10 === 9) took.push(await run("without an executor"));
      if (own % 10 === 9) say(`${own + 1} pods, the last in ${took.at(-1)?.wholeMs} ms`);
    }
  };
  await Promise.all(Array.from({ length: rows }, row));
  await untilGone(kube);
  const load = loadavg()[0] ?? 0;
  const names = Object.keys(kept) as (keyof typeof kept)[];
  const isClean = (after: NodeState) => names.every((name) => after[name] <= before[name]);
  let after = nodeState(state);
  const tidied = until("a node as it was before", () => {
    after = nodeState(state);
    return isClean(after);
  });
  await tidied.catch((error) => {
    throw new Error(`left on the node: ${JSON.stringify({ before, after })}`, { cause: error });
  });
  return { took, rows, before, after, load };
}

/** The kubelet tidies up after pods that have gone: what it has left, twice the same a moment apart. */
async function settled(): Promise<NodeState> {
  let last = "";
  return until("a node at rest", () => {
    const now = nodeState(state);
    const { descriptors: _descriptors, memoryMiB: _memory, ...left } = now;
    const text = JSON.stringify(left);
    const isSame = text === last && now.podFolders === 0;
    last = text;
    return isSame && now;
  });
}
