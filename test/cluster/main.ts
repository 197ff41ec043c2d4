// Starts a cluster, or uses the one of KUBECONFIG, and runs recorded pods in it: `npm run test:cluster [-- --keep] [NAME…]`.
// FULL=1 runs all of them. Exits 0 with a clear word where the machine cannot run a kubelet.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster, executorImage, startMinio } from "./cluster.ts";
import { cacheDirectory, prepare, whyNotHere } from "./prerequisites.ts";
import { startWebServer } from "./web-server.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { keep: { type: "boolean" } } });
const say = (text: string) => console.log(`# ${text}`);

const reason = whyNotHere();
if (reason) {
  console.log(`The cluster tests were left out: ${reason}.\n0 passed, 0 failed, 1 skipped`);
  process.exit(0);
}
const tools = await prepare(say);
const state = join(cacheDirectory(), "cluster");
const cluster = await Cluster.start(tools, state, say);
try {
  const image = "build/image";
  await run("node_modules/.bin/node", ["scripts/image.ts", image]);
  await cluster.importImage(image, { Env: ["PATH=/bin"], Entrypoint: ["argoexec"] }, [executorImage]);
  const store = join(state, "minio");
  mkdirSync(store, { recursive: true });
  const minio = await startMinio(join(tools.bin, "minio"), store);
  const web = await startWebServer(9180);
  try {
    process.exitCode = await run(
      "node_modules/.bin/node",
      ["--test", "--test-reporter=spec", "test/cluster/recordings.test.ts"],
      {
        KUBECONFIG: cluster.kubeconfig,
        OUTRIDER_IMAGE: executorImage,
        OUTRIDER_RECORDINGS: positionals.join(","),
      },
    );
  } finally {
    web.stop();
    minio.stop();
  }
} finally {
  if (!values.keep) await cluster.stop();
}

/** The servers above live in this process, so that it must not block while the tests run. */
async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...env } });
  const [status] = (await once(child, "exit")) as [number | null];
  return status ?? 1;
}
