/**
 * Directories of small files (`archive: none`), up and down, each as a process of its own like `wait` and `init`, with
 * the store behind a proxy that delays, beside what the store takes from a client that does nothing but send, and what the
 * disk takes from a program that does nothing but write:
 *   npm run bench -- directories [--write] [--rounds 3] [files, default 5000] [bytes, default 4096] [delay each way in ms, default 10] [line: floor, up, disk, down] [-- flags for Node]
 *
 * The store is MinIO (OUTRIDER_MINIO, or ~/.cache/outrider/bin/minio), else our own object server; it, the proxy and
 * main's emissary share the machine, so their CPU time stands beside. `--write` puts the medians into docs/performance.md.
 */
import "./ready.ts";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Signer } from "../src/artifacts/drivers/s3/signature.ts";
import { ArtifactRuns, type Figures } from "./artifact-runs.ts";
import { expectSection, measuredOn, median, table, writeSection } from "./report.ts";
import { endProcess, freePort, processCpuSeconds, startStore, storeSecret } from "./store.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false }, rounds: { type: "string", default: "3" } },
});
const [files = "5000", bytes = "4096", delay = "10", wanted = "", ...extraFlags] = positionals;
const count = Number(files);
const sizeBytes = Number(bytes);
const secret = storeSecret;
const floorName = "the store alone:";
const diskName = "the disk alone";
if (values.write) expectSection("docs/performance.md", "directories");
const root = mkdtempSync(join(tmpdir(), "bench-directories-"));
const directory = join(root, "data/small");

const store = await startStore(root);
const proxy = await startProxy(store.endpoint);
const runs = await ArtifactRuns.prepare(root, extraFlags);
/** New keys in each round, as the requests of the floor have them. */
const targetOf = (round: number) =>
  ({ endpoint: proxy.endpoint, key: `small-${round}`, strategy: "none" }) as const;
/** By line, a figure a round. */
const measured = new Map<string, Figures[]>();
try {
  writeFiles();
  // What only a first run takes: code that is not compiled yet, ours and the store's.
  const first = { ...targetOf(0), key: "first", keepsCode: true };
  if (wanted !== "floor" && wanted !== "disk") await runs.save(directory, first);
  if ("down".startsWith(wanted)) await runs.load(first, { setsAside: true });
  console.log("| line | seconds | files/s | CPU s | anon MiB | main: CPU s | store: CPU s | proxy: CPU s |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (let round = 0; round < Number(values.rounds); round++) {
    const target = targetOf(round);
    if (wanted === "down") await runs.save(directory, target);
    for (const inFlight of [64, 128, 256]) {
      if (!"floor".startsWith(wanted)) continue;
      await measure(`${floorName} ${inFlight} in flight`, () => floor(`${round}-${inFlight}`, inFlight));
    }
    if ("up".startsWith(wanted)) await measure("up", () => runs.save(directory, target));
    if ("disk".startsWith(wanted)) await measure(diskName, async () => diskAlone(round));
    if ("down".startsWith(wanted)) await measure("down", () => runs.load(target, { setsAside: true }));
  }
  const { rows, ratio } = summary();
  if (ratio !== undefined) console.log(`up / the store alone: ${ratio}`);
  if (values.write) {
    const command = `npm run bench -- directories --rounds ${values.rounds} ${positionals.join(" ")}`.trim();
    const what = `${count} files of ${sizeBytes} bytes, ${delay} ms each way, medians of ${values.rounds}.`;
    const said = `Up takes ${ratio} times what the store alone needs for the same requests.`;
    const head = ["", "seconds", "CPU s", "peak MiB"];
    const text = [`${measuredOn(command)} ${what} ${said}`, table(head, rows)].join("\n\n");
    writeSection("docs/performance.md", "directories", text);
  }
} finally {
  await proxy.stop();
  await store.stop();
  rmSync(root, { recursive: true, force: true });
}

/** Medians by line, and ours against the quickest that the store has been seen to take the same requests. */
function summary() {
  const seconds = (name: string) => median((measured.get(name) ?? []).map((figures) => figures.seconds));
  const rows = [...measured].map(([name, all]) => [
    name,
    seconds(name).toFixed(2),
    median(all.map(({ cpuSeconds, mainCpuSeconds = 0 }) => cpuSeconds + mainCpuSeconds)).toFixed(2),
    all[0]?.peakMib?.toFixed(0) ?? "",
  ]);
  const floors = [...measured.keys()].filter((name) => name.startsWith(floorName)).map(seconds);
  const isWhole = floors.length > 0 && measured.has("up");
  return { rows, ratio: isWhole ? (seconds("up") / Math.min(...floors)).toFixed(2) : undefined };
}

async function measure(name: string, work: () => Promise<Figures>): Promise<void> {
  await once(spawn("sync"), "exit");
  const storeBefore = store.cpuSeconds();
  const proxyBefore = proxy.cpuSeconds();
  const figures = await work();
  measured.set(name, [...(measured.get(name) ?? []), figures]);
  const { seconds, cpuSeconds, peakMib, mainCpuSeconds } = figures;
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
async function floor(folder: string, inFlight: number): Promise<Figures> {
  const [host = "", port] = proxy.endpoint.split(":");
  const requests = Array.from({ length: count }, (_, n) => putRequest(`/bench/floor${folder}/${n}`));
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

/** Files as those that come down, one after the other. */
function diskAlone(round: number): Figures {
  const folder = join(root, `disk-${round}`);
  const body = randomBytes(sizeBytes);
  const start = performance.now();
  const before = process.cpuUsage();
  mkdirSync(folder);
  for (let n = 0; n < count; n++) {
    writeFileSync(join(folder, String(n).padStart(6, "0")), body, { flag: "wx", mode: 0o644 });
  }
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpuSeconds: (user + system) / 1e6 };
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
