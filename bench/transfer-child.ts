/**
 * What `init` or `wait` does with one artifact, in a process of its own, which bench/transfer.ts bundles and starts.
 * Arguments: `up` or `down`, the pod's root, the store's endpoint, the key, `tar` or `none`, the output's path, the
 * file with the certificate to trust where the store speaks https.
 * Prints seconds, CPU seconds and the peak of anonymous memory (MiB) as JSON.
 */
import { readFileSync } from "node:fs";
import { type DriverContext, openDriver } from "../src/artifacts/index.ts";
import { loadInputs } from "../src/inputs/index.ts";
import { openLogger } from "../src/log/index.ts";
import { MainServer, OutputRequests, ServedFiles, saveArtifacts } from "../src/outputs/index.ts";
import { PodPaths } from "../src/podfiles/index.ts";
import type { Artifact, Template } from "../src/template/index.ts";
import { memoryBudget, TransferSession } from "../src/transfer/index.ts";

const [direction, root = "", endpoint = "", key = "", strategy = "tar", path = "", ca = ""] =
  process.argv.slice(2);
const paths = new PodPaths(root);
const log = openLogger("error", "text");
const { signal } = new AbortController();
const artifact: Artifact = {
  name: "data",
  path,
  archive: strategy === "none" ? { none: {} } : { tar: {} },
  s3: {
    endpoint,
    bucket: "bench",
    insecure: ca === "",
    key,
    ...(ca === "" ? {} : { caSecret: { name: "keys", key: "ca" } }),
    accessKeySecret: { name: "keys", key: "access" },
    secretKeySecret: { name: "keys", key: "secret" },
  },
};
const retry = { attempts: 5, durationMs: 1000, factor: 1.6, jitter: 0.5 };
const context: DriverContext = {
  readSecret: async ({ key }) => (key === "ca" ? readFileSync(ca) : Buffer.from("outrider-bench")),
  transfers: new TransferSession({ retry, memoryBytes: memoryBudget(undefined) }),
  settings: {
    retry,
    uploadThreads: 4,
    partSizeBytes: undefined,
    transientPattern: undefined,
    caPem: undefined,
    identityVariables: {},
    proxy: { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined },
  },
  log,
};
const open = (location: Parameters<typeof openDriver>[0]) => openDriver(location, context);

let peakMib = 0;
setInterval(() => {
  const status = readFileSync("/proc/self/status", "utf8");
  peakMib = Math.max(peakMib, Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024);
}, 20).unref();
void measure();

async function measure(): Promise<void> {
  const start = performance.now();
  await (direction === "up" ? save() : load());
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, peakMib })}\n`);
  process.exit(0);
}

async function save(): Promise<void> {
  const main = new MainServer(paths);
  const files = new ServedFiles(new OutputRequests(main, () => {}), (message) => log.warn({}, message));
  const compression = "gzip" as const;
  const saver = { archiveLocation: undefined, filesFor: () => files, openDriver: open, log, compression };
  const { errors } = await saveArtifacts(saver, [artifact], signal);
  if (errors[0]) throw errors[0];
  await main.release(signal);
}

async function load(): Promise<void> {
  const template: Template = { name: "t", inputs: { artifacts: [artifact] } };
  await loadInputs({ paths, openDriver: open, log }, template, signal);
}
