/**
 * Bulk transfers, each as a process of its own like `init` and `wait`, beside what standard programs take in the same
 * run on the same store:
 *   node bench/transfer.ts [--tls] [--write] [MiB, default 256] [rounds, default 2] [line, such as none-down]
 *
 * The store is MinIO (OUTRIDER_MINIO, or ~/.cache/outrider/bin/minio), else our own object server; it shares the
 * machine, so its CPU time stands beside. Outputs are served by a real emissary.
 */
import "./ready.ts";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ArtifactRuns, type Figures, runTimed, type Target } from "./artifact-runs.ts";
import { logText, seeded } from "./corpus.ts";
import { measuredOn, median, table, writeSection } from "./report.ts";
import { type Store, startStore, storeSecret } from "./store.ts";

const isTls = process.argv.includes("--tls");
const isWritten = process.argv.includes("--write");
const positionals = process.argv.slice(2).filter((argument) => !["--tls", "--write"].includes(argument));
const sizeMib = Number(positionals[0] ?? 256);
const rounds = Number(positionals[1] ?? 2);
const wanted = positionals[2] ?? "";
/** More flags for Node, such as --cpu-prof. */
const extraFlags = positionals.slice(3);
const mib = 1024 * 1024;
const secret = storeSecret;
const root = mkdtempSync(join(tmpdir(), "bench-transfer-"));
const logs = join(root, "data/logs");
const noise = join(root, "data/noise");
const scratch = join(root, "scratch");

/** By line and peer, a figure a round. */
const measured = new Map<string, Figures[]>();
const runs = await ArtifactRuns.prepare(root, extraFlags);

try {
  mkdirSync(logs, { recursive: true });
  writeLogText();
  writeNoise();
  const store = await startStore(root, { isTls });
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
    if (isWritten) writeSection("docs/performance.md", "transfer", summary());
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
      (name) => save(store, name, logs, { key: "logs.tgz", strategy: "tar" }),
      "tar | gzip, then curl -T",
      `tar -C ${root}/data -c logs | gzip > ${scratch} && ${curl} -T ${scratch} ${url}/peer.tgz`,
    ),
    line(
      "tgz-down",
      (name) => load(store, name, { key: "logs.tgz", strategy: "tar" }),
      "curl | tar -xz",
      unpack,
    ),
    line(
      "none-up",
      (name) => save(store, name, noise, { key: "noise", strategy: "none" }),
      "curl -T",
      `${curl} -T ${noise} ${url}/peer`,
    ),
    line(
      "none-down",
      (name) => load(store, name, { key: "noise", strategy: "none" }),
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

async function save(
  store: Store,
  name: string,
  path: string,
  target: Omit<Target, "endpoint">,
): Promise<void> {
  settleMachine();
  const before = store.cpuSeconds();
  const { endpoint, ca } = store;
  const figures = await runs.save(path, { ...target, endpoint, ca });
  print(name, figures, store.cpuSeconds() - before);
}

async function load(store: Store, name: string, target: Omit<Target, "endpoint">): Promise<void> {
  settleMachine();
  const before = store.cpuSeconds();
  const { endpoint, ca } = store;
  print(name, await runs.load({ ...target, endpoint, ca }), store.cpuSeconds() - before);
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

/** What each line took, ours and its peer's, in the order of the first round; medians of the rounds. */
function summary(): string {
  const gib = sizeMib / 1024;
  const cells = (name: string) => {
    const all = measured.get(name) ?? [];
    return {
      seconds: median(all.map(({ seconds }) => seconds)),
      cpu: median(all.map(({ cpuSeconds, mainCpuSeconds = 0 }) => cpuSeconds + mainCpuSeconds)) / gib,
      peak: all[0]?.peakMib,
    };
  };
  const rows = [...measured.keys()]
    .filter((name) => !name.includes(":"))
    .map((name) => {
      const ours = cells(name);
      const peerName = [...measured.keys()].find((other) => other.startsWith(`${name}: `)) ?? "";
      const theirs = cells(peerName);
      return [
        name,
        `${ours.seconds.toFixed(2)} s`,
        ours.cpu.toFixed(2),
        ours.peak?.toFixed(0) ?? "",
        `\`${peerName.slice(name.length + 2).replaceAll("|", "\\|")}\``,
        `${theirs.seconds.toFixed(2)} s`,
        theirs.cpu.toFixed(2),
        (ours.seconds / theirs.seconds).toFixed(2),
      ];
    });
  const head = ["", "ours", "CPU s a GiB", "peak MiB", "peer", "takes", "CPU s a GiB", "ours / peer"];
  const command = `node bench/transfer.ts ${isTls ? "--tls " : ""}${positionals.join(" ")}`.trim();
  return [`${measuredOn(command)} ${sizeMib} MiB, medians of ${rounds}.`, table(head, rows)].join("\n\n");
}

function print(name: string, figures: Figures, storeCpuSeconds: number): void {
  measured.set(name, [...(measured.get(name) ?? []), figures]);
  const { mainCpuSeconds } = figures;
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

/** Four files of lines as services write them. */
function writeLogText(): void {
  const random = seeded(1);
  const block = logText(random);
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
