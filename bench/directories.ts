/**
 * Directories of small files (`archive: none`), up and down, each as a process of its own like `wait` and `init`, with
 * the store behind a proxy that delays, beside what the store takes from a client that does nothing but send:
 *   node bench/directories.ts [files, default 5000] [bytes, default 4096] [delay each way in ms, default 10] [line: floor, up, down] [flags for Node]
 *
 * The store is MinIO (OUTRIDER_MINIO, or ~/.cache/outrider/bin/minio); it, the proxy and main's emissary share the
 * machine, so their CPU time stands beside.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { requireBuiltins } from "../scripts/bundle.ts";
import { Signer } from "../src/artifacts/drivers/s3/signature.ts";

const [, , files = "5000", bytes = "4096", delay = "10", wanted = "", ...extraFlags] = process.argv;
const count = Number(files);
const sizeBytes = Number(bytes);
const secret = "outrider-bench";
const root = mkdtempSync(join(tmpdir(), "bench-directories-"));
const child = join(root, "child.cjs");
const directory = join(root, "data/small");

interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMib?: number;
  readonly mainCpuSeconds?: number;
}

const store = await startStore();
const proxy = await startProxy(store.endpoint);
try {
  mkdirSync(join(root, "var/run/argo/plan"), { recursive: true });
  await bundleChild();
  writeFiles();
  console.log("| line | seconds | files/s | CPU s | anon MiB | main: CPU s | store: CPU s | proxy: CPU s |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (const inFlight of [64, 128, 256]) {
    if ("floor".startsWith(wanted)) await measure(`floor: PUT, ${inFlight} in flight`, () => floor(inFlight));
  }
  if (["", "up", "down"].includes(wanted)) await measure("up", save);
  if (["", "down"].includes(wanted)) {
    await measure("down", () => runChild(["down", root, proxy.endpoint, "small", "none", "/in"]));
  }
} finally {
  await proxy.stop();
  await store.stop();
  rmSync(root, { recursive: true, force: true });
}

async function measure(name: string, work: () => Promise<Figures>): Promise<void> {
  await once(spawn("sync"), "exit");
  const storeBefore = store.cpuSeconds();
  const proxyBefore = proxy.cpuSeconds();
  const { seconds, cpuSeconds, peakMib, mainCpuSeconds } = await work();
  const cells = [
    seconds.toFixed(2),
    (count / seconds).toFixed(0),
    cpuSeconds.toFixed(2),
    peakMib?.toFixed(0) ?? "",
    mainCpuSeconds?.toFixed(2) ?? "",
    (store.cpuSeconds() - storeBefore).toFixed(2),
    (proxy.cpuSeconds() - proxyBefore).toFixed(2),
  ];
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}

/** The output stands in main's file system; its emissary serves it and is released at the end. */
async function save(): Promise<Figures> {
  const runtime = join(root, "var/run/argo");
  mkdirSync(join(runtime, "ctr/main"), { recursive: true });
  writeFileSync(join(runtime, "plan/main"), `plan 1\ncollector wait\noutput ${directory}\n`);
  const command = "TIMEFORMAT='%U %S'; time build/native/argoexec emissary -- true";
  const emissary = spawn("bash", ["--norc", "-c", command], {
    env: { PATH: process.env.PATH, ARGOEXEC_ROOT: root, ARGO_CONTAINER_NAME: "main" },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const times = emissary.stderr.toArray();
  while (!existsSync(join(runtime, "ctr/main/exitcode"))) await sleep(10);
  const figures = await runChild(["up", root, proxy.endpoint, "small", "none", directory]);
  const [user = 0, system = 0] = lastLine(await times)
    .split(" ")
    .map(Number);
  return { ...figures, mainCpuSeconds: user + system };
}

async function runChild(args: readonly string[]): Promise<Figures> {
  const flags = readFileSync("build/image/lib/argoexec/node.flags", "utf8").trim().split("\n");
  const running = spawn(process.execPath, [...flags, ...extraFlags, child, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [status]] = await Promise.all([running.stdout.toArray(), once(running, "exit")]);
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
  // Lines of Node's own, such as those of --trace-gc, come before.
  return JSON.parse(lastLine(output)) as Figures;
}

/** Requests made beforehand, written as they are, one at a time on each connection. */
async function floor(inFlight: number): Promise<Figures> {
  const [host = "", port] = proxy.endpoint.split(":");
  const requests = Array.from({ length: count }, (_, n) => putRequest(`/bench/floor${inFlight}/${n}`));
  const start = performance.now();
  const before = process.cpuUsage();
  let next = 0;
  const worker = async () => {
    const socket = connect({ host, port: Number(port), noDelay: true });
    for (let n = next++; n < count; n = next++) {
      socket.write(requests[n] ?? "");
      const [answer] = (await once(socket, "data")) as [Buffer];
      if (!answer.toString("latin1").startsWith("HTTP/1.1 200")) throw new Error(answer.toString());
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function putRequest(path: string): Buffer {
  const body = randomBytes(sizeBytes);
  const signer = new Signer({ accessKeyId: secret, secretAccessKey: secret }, "us-east-1");
  const digest = (name: string) => createHash(name).update(body);
  const headers = signer.sign({
    method: "PUT",
    path,
    query: {},
    payloadHash: digest("sha256").digest("hex"),
    headers: {
      host: proxy.endpoint,
      "content-length": String(sizeBytes),
      "content-md5": digest("md5").digest("base64"),
    },
  });
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`PUT ${path} HTTP/1.1\r\n${fields.join("")}\r\n`), body]);
}

async function bundleChild(): Promise<void> {
  await build({
    entryPoints: ["bench/transfer-child.ts"],
    outfile: child,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node26",
    supported: { "dynamic-import": false },
    external: ["@aws-sdk/*", "@smithy/*"],
    plugins: [requireBuiltins],
  });
}

function writeFiles(): void {
  mkdirSync(directory, { recursive: true });
  for (let n = 0; n < count; n++) {
    writeFileSync(join(directory, String(n).padStart(6, "0")), randomBytes(sizeBytes));
  }
}

async function startStore() {
  const program = process.env.OUTRIDER_MINIO ?? join(homedir(), ".cache/outrider/bin/minio");
  const data = join(root, "store");
  mkdirSync(join(data, "bench"), { recursive: true });
  const endpoint = `127.0.0.1:${await freePort()}`;
  const args = ["server", data, "--address", endpoint, "--console-address", "127.0.0.1:0"];
  const keys = { MINIO_ROOT_USER: secret, MINIO_ROOT_PASSWORD: secret, MINIO_CI_CD: "1" };
  const server = spawn(program, args, {
    env: { PATH: process.env.PATH, HOME: root, ...keys },
    stdio: "ignore",
  });
  for (let tries = 0; tries < 150; tries++) {
    const answer = await fetch(`http://${endpoint}/minio/health/ready`).catch(() => undefined);
    if (answer?.ok) break;
    await sleep(100);
  }
  return { endpoint, cpuSeconds: () => processCpuSeconds(server), stop: () => end(server) };
}

/** In a process of its own, so that its CPU time is told apart. */
async function startProxy(target: string) {
  const port = await freePort();
  const source = `
    import { startDelayProxy } from ${JSON.stringify(resolve("test/servers/delay-proxy/index.ts"))};
    await startDelayProxy({ target: "${target}", delayMs: ${delay}, port: ${port} });
    console.log("ready");`;
  const server = spawn(process.execPath, ["--input-type=module-typescript", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server.stdout, "data");
  return {
    endpoint: `127.0.0.1:${port}`,
    cpuSeconds: () => processCpuSeconds(server),
    stop: () => end(server),
  };
}

async function end(server: ChildProcess): Promise<void> {
  server.kill();
  await once(server, "exit");
}

/** utime and stime of all threads, in ticks of 10 ms. */
function processCpuSeconds({ pid }: ChildProcess): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "");
  const [user = 0, system = 0] = text.split(" ").slice(11, 13).map(Number);
  return (user + system) / 100;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function lastLine(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString().trim().split("\n").at(-1) ?? "";
}
