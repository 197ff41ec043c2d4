// Runs recorded pods in a real kubelet: `npm run test:cluster [-- --keep] [NAME…]`; FULL=1 runs all of them. Besides
// recordings, NAME is one of `others` below. Starts a cluster of its own, or uses that of KUBECONFIG,
// where OUTRIDER_IMAGE must be known and the surroundings of test/cluster/objects.yaml have to be there. Says so where
// the machine cannot run a kubelet.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster, executorImage, startMinio } from "./cluster.ts";
import { pluginImage } from "./plugin-pods.ts";
import { buildArgo, cacheDirectory, prepare, whyNotHere } from "./prerequisites.ts";
import { startWebServer } from "./web-server.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { keep: { type: "boolean" } } });
const say = (text: string) => console.log(`# ${text}`);

/** Besides the recordings; the comparison with kubectl, and sync, start argoexec dozens of times: FULL=1, or their names. */
const others = ["resource", "plugins", "tracing", "least-rights", "chaos", "controller", "kubectl", "sync"];
const isFull = process.env.FULL === "1";
const chosen =
  positionals.length === 0
    ? others.filter((name) => !["kubectl", "sync"].includes(name) || isFull)
    : others.filter((name) => positionals.includes(name));
const recordings = positionals.filter((name) => !others.includes(name));
const hasRecordings = positionals.length === 0 || recordings.length > 0;
const tests = [...(hasRecordings ? ["recordings"] : []), ...chosen].map(
  (name) => `test/cluster/${name}.test.ts`,
);

const given = process.env.KUBECONFIG;
process.exitCode = given
  ? await runTests(given, process.env.OUTRIDER_IMAGE ?? executorImage)
  : await runHere();

/** Starts a cluster of our own: in a new folder that goes afterwards, or with --keep in one that stays up. */
async function runHere(): Promise<number> {
  const reason = whyNotHere();
  if (reason) {
    console.log(`The cluster tests were left out: ${reason}.\n0 passed, 0 failed, 1 skipped`);
    return 0;
  }
  const tools = await prepare(say);
  const state = values.keep
    ? join(cacheDirectory(), "cluster")
    : await mkdtemp(join(tmpdir(), "outrider-cluster-"));
  const cluster = await Cluster.start(tools, state, say);
  try {
    const image = "build/image";
    await run("node_modules/.bin/node", ["scripts/image.ts", image]);
    await cluster.importImage(image, { Env: ["PATH=/bin"], Entrypoint: ["argoexec"] }, [executorImage]);
    if (chosen.some((name) => ["plugins", "least-rights"].includes(name))) {
      await cluster.importImage(tools.pluginRoot, { Env: ["PATH=/usr/local/bin:/usr/bin:/bin"] }, [
        pluginImage,
      ]);
    }
    const store = join(state, "minio");
    mkdirSync(store, { recursive: true });
    const minio = await startMinio(join(tools.bin, "minio"), store);
    const web = await startWebServer(9180);
    try {
      return await runTests(cluster.kubeconfig, executorImage, await controllerOrWhyNot());
    } finally {
      web.stop();
      minio.stop();
    }
  } finally {
    if (!values.keep) await cluster.remove();
  }
}

/** A machine that cannot build the controller runs everything else. */
async function controllerOrWhyNot(): Promise<Record<string, string>> {
  if (!chosen.includes("controller")) return {};
  try {
    return { OUTRIDER_WORKFLOW_CONTROLLER: await buildArgo("workflow-controller", say) };
  } catch (error) {
    return { OUTRIDER_WITHOUT_CONTROLLER: String(error) };
  }
}

function runTests(
  kubeconfig: string,
  image: string,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  // One after the other: they share the names of pods, and the API server.
  const args = ["--test", "--test-concurrency=1", "--test-reporter=spec", ...tests];
  return run("node_modules/.bin/node", args, {
    KUBECONFIG: kubeconfig,
    OUTRIDER_IMAGE: image,
    OUTRIDER_RECORDINGS: recordings.join(","),
    ...env,
  });
}

/** The servers above live in this process, so that it must not block while the tests run. */
async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...env } });
  // Whoever is told to stop ends what runs, and takes the cluster down like after any other failure.
  const stop = () => child.kill();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const [status] = (await once(child, "exit")) as [number | null];
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  return status ?? 1;
}
