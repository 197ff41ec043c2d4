// Lets every fault strike in every phase of pods of both layouts and writes the table of docs/reliability.md:
// `npm run test:chaos [-- --runs N] [--jobs N] [--seconds N] [--go-on] [WORD…]`; words choose cases by their titles.
// With --cluster, as `npm run test:chaos:cluster`, pods run in a real kubelet. FULL=1 adds the long outages and more
// chance. With --go-on cases that earlier runs have seen are not run again, so that it can be done in pieces, none of
// which begins a case after so many seconds; the table is written once every case has run.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster, executorImage } from "../cluster/cluster.ts";
import { connectCluster } from "../cluster/connect.ts";
import { cacheDirectory, prepare, whyNotHere } from "../cluster/prerequisites.ts";
import { runCase } from "./case.ts";
import { allCases, titleOf } from "./cases.ts";
import { clusterStage } from "./cluster-pod.ts";
import { desk } from "./desk-pod.ts";
import type { Stage } from "./pod.ts";
import { keepSeen, readSeen } from "./seen.ts";
import { writeTable } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cluster: { type: "boolean", default: false },
    runs: { type: "string", default: "1" },
    jobs: { type: "string", default: "5" },
    seconds: { type: "string" },
    "go-on": { type: "boolean", default: false },
  },
});
const say = (text: string) => console.log(`# ${text}`);
const reason = values.cluster ? whyNotHere() : undefined;
if (reason) {
  console.log(`The faults in a real kubelet were left out: ${reason}.\n0 passed, 0 failed, 1 skipped`);
  process.exit(0);
}
const kubelet = values.cluster ? "cluster" : "desk";
const every = allCases(process.env.FULL === "1");
const chosen = every.filter((one) => positionals.every((word) => titleOf(one).includes(word)));
for (const one of chosen) if (one.skip) console.log(`left out: ${titleOf(one)}: ${one.skip}`);

const seen = values["go-on"] ? readSeen(kubelet, every) : new Map();
const due = chosen.filter((one) => one.skip === undefined && !seen.has(one));
const endMs = Date.now() + Number(values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
let passed = 0;
let failed = 0;
if (values.cluster) await inCluster(runAll);
else await runAll(desk);

console.log(`\n${passed} passed, ${failed} failed`);
keepSeen(kubelet, seen, every);
if (failed === 0) await writeTable("docs/reliability.md", every, (name) => readSeen(name, every));
process.exit(failed > 0 ? 1 : 0);

async function runAll(stage: Stage): Promise<void> {
  const queue = Array.from({ length: Number(values.runs) }, () => due).flat();
  const work = async () => {
    for (let one = queue.shift(); one && Date.now() < endMs; one = queue.shift()) await run(one, stage);
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, () => work()));
}

async function run(one: (typeof every)[number], stage: Stage): Promise<void> {
  try {
    const { outcome, breaches, log } = await runCase(one, stage);
    const isGood = breaches.length === 0;
    console.log(`${isGood ? "ok" : "FAILED"}  ${titleOf(one)} (${outcome.seconds.toFixed(1)} s)`);
    for (const breach of breaches) console.log(`    ${breach}`);
    if (!isGood) console.log(log);
    passed += isGood ? 1 : 0;
    failed += isGood ? 0 : 1;
    const { runs = 0, secondsMax = 0 } = seen.get(one) ?? {};
    if (isGood) seen.set(one, { runs: runs + 1, secondsMax: Math.max(secondsMax, outcome.seconds) });
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${titleOf(one)}:`, error);
  }
}

/** On a node of its own, which stays for the next run as far as its state goes. */
async function inCluster(work: (stage: Stage) => Promise<void>): Promise<void> {
  const tools = await prepare(say);
  const cluster = await Cluster.start(tools, join(cacheDirectory(), "chaos"), say);
  try {
    await cluster.importImage("build/image", { Env: ["PATH=/bin"], Entrypoint: ["argoexec"] }, [
      executorImage,
    ]);
    const { kubeconfig } = cluster;
    const { kube } = await connectCluster(kubeconfig);
    await using _connection = kube;
    await work(await clusterStage({ kube, kubeconfig, image: executorImage }));
  } finally {
    await cluster.stop();
  }
}
