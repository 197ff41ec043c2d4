/**
 * Directories of small files (`archive: none`), up and down, each as a process of its own like `wait` and `init`, with
 * the store behind a proxy that delays, beside what the store takes from a client that does nothing but send:
 *   node bench/directories.ts [files, default 5000] [bytes, default 4096] [delay each way in ms, default 10] [line: floor, up, down] [flags for Node]
 *
 * The store is MinIO (OUTRIDER_MINIO, or ~/.cache/outrider/bin/minio), else our own object server; it, the proxy and
 * main's emissary share the machine, so their CPU time stands beside.
 */
import "./ready.ts";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Signer } from "../src/artifacts/drivers/s3/signature.ts";
import { ArtifactRuns, type Figures } from "./artifact-runs.ts";
import { endProcess, freePort, processCpuSeconds, startStore, storeSecret } from "./store.ts";

const [, , files = "5000", bytes = "4096", delay = "10", wanted = "", ...extraFlags] = process.argv;
const count = Number(files);
const sizeBytes = Number(bytes);
const secret = storeSecret;
const root = mkdtempSync(join(tmpdir(), "bench-directories-"));
const directory = join(root, "data/small");

const store = await startStore(root);
const proxy = await startProxy(store.endpoint);
const runs = await ArtifactRuns.prepare(root, extraFlags);
const target = { endpoint: proxy.endpoint, key: "small", strategy: "none" } as const;
try {
  writeFiles();
  console.log("| line | seconds | files/s | CPU s | anon MiB | main: CPU s | store: CPU s | proxy: CPU s |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (const inFlight of [64, 128, 256]) {
    if ("floor".startsWith(wanted)) await measure(`floor: PUT, ${inFlight} in flight`, () => floor(inFlight));
  }
  if (["", "up", "down"].includes(wanted)) await measure("up", () => runs.save(directory, target));
  if (["", "down"].includes(wanted)) {
    await measure("down", () => runs.load(target));
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

function writeFiles(): void {
  mkdirSync(directory, { recursive: true });
  for (let n = 0; n < count; n++) {
    writeFileSync(join(directory, String(n).padStart(6, "0")), randomBytes(sizeBytes));
  }
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
    stop: () => endProcess(server),
  };
}
