// What a pod pays for the executor being there: `npm run bench -- startup [--write] [runs, default 40]`. CPU of a start beside bare
// Node's in the same run, resident memory and overhead of the static program beside the bare command's. `--write` puts what
// starts cost into docs/performance.md. Needs dist/ (npm run build).
import "./ready.ts";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { expectSection, measuredOn, median, table, writeSection } from "./report.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
const runs = Number(positionals[0] ?? 40);
const rows: (readonly string[])[] = [];
if (values.write) expectSection("docs/performance.md", "startup");
const root = mkdtempSync(join(tmpdir(), "outrider-bench-"));
mkdirSync(join(root, "var/run/argo"), { recursive: true });
const program = "dist/bin/argoexec";
const node = "dist/lib/argoexec/node";
const env = {
  PATH: process.env.PATH,
  ARGOEXEC_ROOT: root,
  ARGO_CONTAINER_NAME: "main",
  ARGO_POD_NAME: "bench",
  ARGO_DEADLINE: "0001-01-01T00:00:00Z",
  ARGO_TEMPLATE: JSON.stringify({ name: "t", container: {} }),
};

try {
  const empty = join(root, "empty.cjs");
  writeFileSync(empty, "");
  const bare = cpuMs(node, [empty]);
  console.log(`bare Node: ${bare.toFixed(1)} ms of CPU (mean of ${runs})`);
  reportPlain();
  await reportTracing(bare);
  reportStores(bare);
  for (const name of ["undici", "@kubernetes/client-node", "pino"]) reportPackage(name, bare);
  rmSync(join(root, "var/run/argo/plan"), { recursive: true, force: true });
  const alone = wallMs("true", []);
  const wrapped = wallMs(program, ["emissary", "--", "true"]);
  console.log(
    `true: ${alone.toFixed(2)} ms; emissary -- true: ${wrapped.toFixed(2)} ms; overhead ${(wrapped - alone).toFixed(2)} ms`,
  );
  console.log(`bytes that init copies: ${statSync(program).size}`);
  console.log(
    `emissary while its command runs: ${await residentKiB(["emissary", "--", "sleep", "30"])} KiB resident`,
  );
  console.log(`wait while main runs (asleep): ${await sleepingKiB()} KiB resident`);
  if (values.write) {
    const notes = `${measuredOn(`npm run bench -- startup ${runs}`)} Means of ${runs}; bare Node takes ${bare.toFixed(0)} ms.`;
    const text = table(["", "CPU ms", "above bare Node"], rows);
    writeSection("docs/performance.md", "startup", [notes, text].join("\n\n"));
  }
} finally {
  rmSync(root, { recursive: true });
}

/** No Node runs here, and what does takes a fraction of the kernel's tick: that many more starts. */
function reportPlain(): void {
  const ms = cpuMs(program, ["init"], { starts: 50 * runs });
  console.log(`init, pod without artifacts: ${ms.toFixed(2)} ms of CPU (mean of ${50 * runs}), without Node`);
  rows.push(["init, pod without artifacts (starts no Node)", ms.toFixed(2), ""]);
}

function report(what: string, ms: number, bare: number): void {
  console.log(`${what}: ${ms.toFixed(1)} ms of CPU, ${(ms - bare).toFixed(1)} ms above bare Node`);
  rows.push([what, ms.toFixed(0), (ms - bare).toFixed(0)]);
}

/**
 * `init` that loads one input from each store, where nobody listens: what it takes up to the first connection and the
 * error. Beside it the vendor's own client, which is loaded only.
 */
function reportStores(bare: number): void {
  const nobody = "127.0.0.1:1";
  const keys = {
    accessKeySecret: { name: "k", key: "access" },
    secretKeySecret: { name: "k", key: "secret" },
  };
  mkdirSync(join(root, "argo/secret/k"), { recursive: true });
  for (const key of ["access", "secret"]) writeFileSync(join(root, "argo/secret/k", key), "bench");
  writeFileSync(join(root, "argo/secret/k/azure"), Buffer.alloc(64, 1).toString("base64"));
  const accountKeySecret = { name: "k", key: "azure" };
  const stores = [
    [
      "s3",
      "@aws-sdk/client-s3",
      { endpoint: nobody, bucket: "bucket", insecure: true, region: "r", key: "k", ...keys },
    ],
    ["gcs", "@google-cloud/storage", { bucket: "bucket", key: "k" }],
    [
      "azure",
      "@azure/storage-blob",
      { endpoint: `http://${nobody}/account`, container: "container", blob: "k", accountKeySecret },
    ],
    ["oss", "ali-oss", { endpoint: nobody, bucket: "bucket", key: "k", ...keys }],
    ["http", undefined, { url: `http://${nobody}/k` }],
    ["hdfs", undefined, { addresses: [`http://${nobody}`], path: "/k", hdfsUser: "me" }],
    ["hdfs", undefined, { addresses: [nobody], path: "/k", hdfsUser: "me" }],
    ["git", undefined, { repo: `http://${nobody}/k` }],
  ] as const;
  for (const [type, sdk, location] of stores) {
    const artifact = { name: "in", path: "/in", [type]: location };
    const template = { name: "t", container: {}, inputs: { artifacts: [artifact] } };
    const variables = {
      ARGO_TEMPLATE: JSON.stringify(template),
      EXECUTOR_RETRY_BACKOFF_STEPS: "1",
      STORAGE_EMULATOR_HOST: nobody,
    };
    const where = type === "hdfs" ? ` (${location.addresses[0]})` : "";
    report(
      `init, one input in ${type}${where}, nobody listens`,
      cpuMs(program, ["init"], { variables, succeeds: false }),
      bare,
    );
    if (sdk !== undefined) reportPackage(sdk, bare);
  }
}

function reportPackage(name: string, bare: number): void {
  const file = join(root, "import.cjs");
  writeFileSync(file, `require(${JSON.stringify(join(process.cwd(), "node_modules", name))});`);
  report(`for comparison: require("${name}"), not bundled`, cpuMs(node, [file]), bare);
}

/** The same `init` with a collector to send its spans to, over each protocol. */
async function reportTracing(bare: number): Promise<void> {
  const collector = spawn(node, ["bench/otlp-collector.ts"], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const [ports] = (await once(collector.stdout, "data")) as [Buffer];
    const [httpPort, grpcPort] = ports.toString().trim().split(" ");
    for (const [protocol, port] of [
      ["grpc", grpcPort],
      ["http/protobuf", httpPort],
    ] as const) {
      const variables = {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      };
      report(`init, traced over ${protocol}`, cpuMs(program, ["init"], { variables }), bare);
    }
  } finally {
    collector.kill();
  }
}

/** CPU of one start: many in a row, for the kernel counts in ticks of 10 ms. */
function cpuMs(
  command: string,
  args: readonly string[],
  {
    variables = {},
    succeeds = true,
    starts = runs,
  }: {
    readonly variables?: Readonly<Record<string, string>>;
    readonly succeeds?: boolean;
    readonly starts?: number;
  } = {},
): number {
  const before = childrenCpuMs();
  for (let start = 0; start < starts; start++) {
    const { status, stderr } = spawnSync(command, args, { env: { ...env, ...variables }, encoding: "utf8" });
    if ((status === 0) !== succeeds)
      throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`);
  }
  return (childrenCpuMs() - before) / starts;
}

/** User and system time of all children so far, from /proc/self/stat (proc(5), fields 16 and 17). */
function childrenCpuMs(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  const ticksASecond = 100;
  return ((Number(fields[13]) + Number(fields[14])) * 1000) / ticksASecond;
}

function wallMs(command: string, args: readonly string[]): number {
  const measure = () => {
    const start = performance.now();
    spawnSync(command, args, { env });
    return performance.now() - start;
  };
  return median(Array.from({ length: runs }, measure));
}

async function residentKiB(args: readonly string[], command = program): Promise<number> {
  const child = spawn(command, args, { env, stdio: "ignore" });
  await sleep(300);
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  child.kill();
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}

/** A collector whose Node is a script that asks at once to sleep until a container ends that never starts. */
async function sleepingKiB(): Promise<number> {
  const installed = join(root, "installed");
  mkdirSync(join(installed, "bin"), { recursive: true });
  mkdirSync(join(installed, "lib/argoexec"), { recursive: true });
  copyFileSync(program, join(installed, "bin/argoexec"));
  const script = '#!/bin/sh\nprintf "container none\\nsleep\\n" > /proc/self/fd/$ARGOEXEC_CONTROL_FD\n';
  writeFileSync(join(installed, "lib/argoexec/node"), script, { mode: 0o755 });
  return residentKiB(["wait"], join(installed, "bin/argoexec"));
}
