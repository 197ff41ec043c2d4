/**
 * Bulk transfers, each as a process of its own like `init` and `wait`, beside what standard programs take in the same
 * run on the same store:
 *   node bench/transfer.ts [--tls] [MiB, default 256] [rounds, default 2] [line, such as none-down]
 *
 * The store is MinIO (OUTRIDER_MINIO, or ~/.cache/outrider/bin/minio), else our own object server; it shares the
 * machine, so its CPU time stands beside. Outputs are served by a real emissary.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { requireBuiltins } from "../scripts/bundle.ts";
import { startObjectServer } from "../test/servers/object-server/index.ts";

const isTls = process.argv.includes("--tls");
const positionals = process.argv.slice(2).filter((argument) => argument !== "--tls");
const sizeMib = Number(positionals[0] ?? 256);
const rounds = Number(positionals[1] ?? 2);
const wanted = positionals[2] ?? "";
/** More flags for Node, such as --cpu-prof. */
const extraFlags = positionals.slice(3);
const mib = 1024 * 1024;
const secret = "outrider-bench";
const root = mkdtempSync(join(tmpdir(), "bench-transfer-"));
const child = join(root, "child.cjs");
const logs = join(root, "data/logs");
const noise = join(root, "data/noise");
const scratch = join(root, "scratch");

interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMib?: number;
}

try {
  mkdirSync(logs, { recursive: true });
  mkdirSync(join(root, "var/run/argo/plan"), { recursive: true });
  await bundleChild();
  writeLogText();
  writeNoise();
  const store = await startStore();
  try {
    console.log("| line | MB/s | seconds | CPU s/GiB | anon MiB | main: CPU s/GiB | store: CPU s/GiB |");
    console.log("|---|---|---|---|---|---|---|");
    for (let round = 0; round < rounds; round++) {
      for (const line of lines(store)) {
        if (!line.name.startsWith(wanted)) continue;
        await line.ours();
        await line.peer();
      }
    }
  } finally {
    await store.stop();
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

function lines(store: Store) {
  const trust = store.ca === undefined ? "" : `--cacert ${store.ca}`;
  const curl = `curl -sSf ${trust} --aws-sigv4 aws:amz:us-east-1:s3 --user ${secret}:${secret}`;
  const url = `${isTls ? "https" : "http"}://${store.endpoint}/bench`;
  const line = (name: string, ours: (name: string) => Promise<void>, peerName: string, command: string) => ({
    name,
    ours: () => ours(name),
    peer: () => peer(store, `${name}: ${peerName}`, command),
  });
  const unpack = `mkdir ${scratch} && ${curl} ${url}/logs.tgz | tar -xz -C ${scratch}`;
  return [
    line(
      "tgz-up",
      (name) => save(store, name, logs, "logs.tgz", "tar"),
      "tar | gzip, then curl -T",
      `tar -C ${root}/data -c logs | gzip > ${scratch} && ${curl} -T ${scratch} ${url}/peer.tgz`,
    ),
    line("tgz-down", (name) => load(store, name, "logs.tgz", "tar"), "curl | tar -xz", unpack),
    line(
      "none-up",
      (name) => save(store, name, noise, "noise", "none"),
      "curl -T",
      `${curl} -T ${noise} ${url}/peer`,
    ),
    line(
      "none-down",
      (name) => load(store, name, "noise", "none"),
      "curl -o",
      `${curl} -o ${scratch} ${url}/noise`,
    ),
    {
      name: "disk",
      ours: async () => {},
      peer: () =>
        peer(store, "disk: dd bs=1M", `dd if=/dev/zero of=${scratch} bs=1M count=${sizeMib} status=none`),
    },
  ];
}

/** The output stands in main's file system; its emissary serves it and is released at the end. */
async function save(store: Store, name: string, path: string, key: string, strategy: string): Promise<void> {
  const runtime = join(root, "var/run/argo");
  rmSync(join(runtime, "ctr"), { recursive: true, force: true });
  mkdirSync(join(runtime, "ctr/main"), { recursive: true });
  writeFileSync(join(runtime, "plan/main"), `plan 1\ncollector wait\noutput ${path}\n`);
  const emissary = runTimed("dist/bin/argoexec emissary -- true", {
    ARGOEXEC_ROOT: root,
    ARGO_CONTAINER_NAME: "main",
  });
  while (!existsSync(join(runtime, "ctr/main/exitcode"))) await sleep(10);
  const before = store.cpuSeconds();
  const figures = await runChild(["up", root, store.endpoint, key, strategy, path, store.ca ?? ""]);
  print(name, figures, store.cpuSeconds() - before, (await emissary).cpuSeconds);
}

async function load(store: Store, name: string, key: string, strategy: string): Promise<void> {
  const before = store.cpuSeconds();
  const figures = await runChild(["down", root, store.endpoint, key, strategy, "/in", store.ca ?? ""]);
  print(name, figures, store.cpuSeconds() - before);
  rmSync(join(root, "argo"), { recursive: true, force: true });
}

/** What standard programs take; left out where one of them is missing. */
async function peer(store: Store, name: string, command: string): Promise<void> {
  settleMachine();
  const before = store.cpuSeconds();
  try {
    const figures = await runTimed(command, {});
    print(name, figures, store.cpuSeconds() - before);
  } catch (error) {
    console.log(`| ${name} | left out: ${(error as Error).message} |`);
  }
  rmSync(scratch, { recursive: true, force: true });
}

/**
 * Nobody pays for what was written before, nor for the page cache's memory: in a virtual machine the first touch of a
 * page that lay idle costs more than copying into it.
 */
function settleMachine(): void {
  const file = join(root, "settle");
  spawnSync("dd", ["if=/dev/zero", `of=${file}`, "bs=1M", `count=${sizeMib}`]);
  rmSync(file);
  spawnSync("sync");
}

async function runChild(args: readonly string[]): Promise<Figures> {
  settleMachine();
  const flags = readFileSync("dist/lib/argoexec/node.flags", "utf8").trim().split("\n");
  const running = spawn(process.execPath, [...flags, ...extraFlags, child, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [status]] = await Promise.all([running.stdout.toArray(), once(running, "exit")]);
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
  return JSON.parse(Buffer.concat(output).toString()) as Figures;
}

/** Runs a shell command with all its children. */
async function runTimed(command: string, env: Readonly<Record<string, string>>): Promise<Figures> {
  const script = `set -o pipefail; TIMEFORMAT='%R %U %S'; time (${command})`;
  const running = spawn("bash", ["--norc", "-c", script], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const [output, [status]] = await Promise.all([running.stderr.toArray(), once(running, "exit")]);
  const text = Buffer.concat(output).toString().trim();
  if (status !== 0) throw new Error(text);
  const [seconds = 0, user = 0, system = 0] = (text.split("\n").at(-1) ?? "").split(" ").map(Number);
  return { seconds, cpuSeconds: user + system };
}

function print(name: string, figures: Figures, storeCpuSeconds: number, mainCpuSeconds?: number): void {
  const gib = sizeMib / 1024;
  const cells = [
    (sizeMib / figures.seconds).toFixed(0),
    figures.seconds.toFixed(2),
    (figures.cpuSeconds / gib).toFixed(2),
    figures.peakMib?.toFixed(0) ?? "",
    mainCpuSeconds === undefined ? "" : (mainCpuSeconds / gib).toFixed(2),
    (storeCpuSeconds / gib).toFixed(2),
  ];
  console.log(`| ${name} | ${cells.join(" | ")} |`);
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
    define: { ARGOEXEC_ADDONS: JSON.stringify(resolve("dist/lib/argoexec")) },
    logOverride: { "empty-import-meta": "silent" },
    external: ["@aws-sdk/*", "@smithy/*"],
    plugins: [requireBuiltins],
  });
}

interface Store {
  readonly endpoint: string;
  /** The file with the certificate to trust, where the store speaks https. */
  readonly ca: string | undefined;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

async function startStore(): Promise<Store> {
  const program = process.env.OUTRIDER_MINIO ?? join(homedir(), ".cache/outrider/bin/minio");
  const directory = join(root, "store");
  const ca = isTls ? makeCertificate() : undefined;
  if (!existsSync(program)) {
    const tls = isTls && {
      cert: readFileSync(ca ?? "", "utf8"),
      key: readFileSync(join(root, "certs/private.key"), "utf8"),
    };
    const server = await startObjectServer({
      directory,
      accessKey: secret,
      secretKey: secret,
      ...(tls && { tls }),
    });
    server.createBucket("bench");
    const cpuSeconds = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
    return { endpoint: server.endpoint, ca, cpuSeconds, stop: () => server[Symbol.asyncDispose]() };
  }
  mkdirSync(join(directory, "bench"), { recursive: true });
  const endpoint = `127.0.0.1:${await freePort()}`;
  const server = spawn(
    program,
    [
      "server",
      directory,
      ...(isTls ? ["--certs-dir", join(root, "certs")] : []),
      "--address",
      endpoint,
      "--console-address",
      "127.0.0.1:0",
    ],
    {
      env: {
        PATH: process.env.PATH,
        HOME: root,
        MINIO_ROOT_USER: secret,
        MINIO_ROOT_PASSWORD: secret,
        MINIO_CI_CD: "1",
      },
      stdio: "ignore",
    },
  );
  for (let tries = 0; tries < 150; tries++) {
    const url = `${isTls ? "https" : "http"}://${endpoint}/minio/health/ready`;
    if (spawnSync("curl", ["-skf", url]).status === 0) break;
    await sleep(100);
  }
  return {
    endpoint,
    ca,
    cpuSeconds: () => processCpuSeconds(server),
    async stop() {
      server.kill();
      await once(server, "exit");
    },
  };
}

/** A self-signed certificate for 127.0.0.1, where MinIO looks for it; returns its path. */
function makeCertificate(): string {
  const folder = join(root, "certs");
  mkdirSync(folder);
  const [key, certificate] = [join(folder, "private.key"), join(folder, "public.crt")];
  const name = ["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"];
  spawnSync("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    key,
    "-out",
    certificate,
    ...name,
  ]);
  return certificate;
}

/** utime and stime of all threads, in ticks of 10 ms. */
function processCpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Four files of lines as services write them, as in bench/pods/workloads.ts. */
function writeLogText(): void {
  const random = seeded(1);
  const hex = (below: number) => random(below).toString(16);
  const words = Array.from({ length: 4000 }, () => hex(2 ** 32));
  const word = () => words[random(words.length)];
  const two = (number: number) => String(number).padStart(2, "0");
  const lines = Array.from(
    { length: 100_000 },
    () =>
      `2026-11-23T10:${two(random(60))}:${two(random(60))}.${String(random(1000)).padStart(3, "0")}Z level=INFO ` +
      `msg="request served" path=/api/v1/${word()}/${word()} status=200 bytes=${random(100_000)} id=${hex(2 ** 32)}${hex(2 ** 32)}\n`,
  );
  const block = Buffer.from(lines.join(""));
  for (let file = 0; file < 4; file++) {
    writeFileOf(join(logs, `${file}.log`), (sizeMib * mib) / 4, () => {
      const start = random(block.length - mib);
      return block.subarray(start, start + mib);
    });
  }
}

/** Incompressible, and no two MiB the same. */
function writeNoise(): void {
  const block = randomBytes(mib);
  let count = 0;
  writeFileOf(noise, sizeMib * mib, () => {
    block.writeUInt32LE(count++);
    return block;
  });
}

function writeFileOf(path: string, sizeBytes: number, piece: () => Buffer): void {
  const file = openSync(path, "w");
  for (let left = sizeBytes; left > 0; ) left -= writeSync(file, piece().subarray(0, left));
  closeSync(file);
}

/** A linear congruential generator: the same text in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
