/**
 * The corpus at each level, beside zlib, gzip, pigz, igzip and zstd; what is promised about the levels is checked:
 *   npm run bench -- compression [--write] [MiB of each item, default 48] [rounds, default 3]
 *
 * Sizes and CPU count (medians of rounds in turns); `--write` puts them into docs/performance.md. Needs the packages and
 * dist/ (`npm run setup`); programs that are not installed are left out.
 */
import "./ready.ts";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { createGunzip, createGzip } from "node:zlib";
import { gunzip, gzip, unzstd, zstd } from "../src/archive/index.ts";
import { openNativeDeflate } from "../src/archive/native-deflate.ts";
import { type CorpusItem, corpus } from "./corpus.ts";
import { expectSection, measuredOn, median, table, writeSection } from "./report.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
const [sizeMib = 48, rounds = 3] = positionals.map(Number);
if (values.write) expectSection("docs/performance.md", "compression");
const mib = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "bench-compression-"));
const signal = new AbortController().signal;
const chunkBytes = 1024 * 1024;

interface Outcome {
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Something that packs or unpacks a file; the bytes that come out are counted. */
interface Way {
  readonly name: string;
  run(path: string): Promise<Outcome>;
}

const node = (name: string, open: (source: Readable) => AsyncIterable<Uint8Array>): Way => ({
  name,
  run: async (path) => {
    const input = readFileSync(path);
    const start = performance.now();
    const before = process.cpuUsage();
    let bytes = 0;
    for await (const chunk of open(Readable.from(pieces(input), { objectMode: false })))
      bytes += chunk.length;
    const { user, system } = process.cpuUsage(before);
    return { bytes, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  },
});

const program = (...[command = "", ...args]: readonly string[]): Way => ({
  name: [command, ...args].join(" "),
  run: async (path) => {
    const script = `TIMEFORMAT='%R %U %S'; time ${command} ${args.join(" ")} -c < ${path}`;
    const running = spawn("bash", ["--norc", "-c", script], { stdio: ["ignore", "pipe", "pipe"] });
    let bytes = 0;
    running.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const said = Buffer.concat(await running.stderr.toArray())
      .toString()
      .trim();
    const [seconds = 0, user = 0, system = 0] = said.split(" ").map(Number);
    if (Number.isNaN(seconds)) throw new Error(`${command}: ${said}`);
    return { bytes, seconds, cpuSeconds: user + system };
  },
});

const levels = [0, 1, 2, -1, 3, 6, 9];
const levelName = (level: number) => (level === -1 ? "level unset" : `level ${level}`);
const packing = [
  ...[6, 9].map((level) =>
    node(`zlib ${level}`, (source) => source.pipe(createGzip({ level, chunkSize: 256 * 1024 }))),
  ),
  ...levels.map((level) => node(levelName(level), (source) => source.pipe(gzip({ level })))),
  node("zstd, level unset", (source) => zstd(source)),
  ...installed([
    ["gzip", "-6"],
    ["pigz", "-6"],
    ["igzip", "-1"],
    ["igzip", "-3"],
    ["zstd", "-q", "-3"],
  ]),
];
const ours = [node("members of ours", (source) => gunzip(source, signal))];
const foreign = [
  node("one member of gzip -6", (source) => gunzip(source, signal)),
  node("the same, node:zlib", (source) => source.pipe(createGunzip({ chunkSize: 256 * 1024 }))),
  ...installed([
    ["gzip", "-d"],
    ["pigz", "-d"],
    ["igzip", "-d"],
  ]),
];
const fromZstd = [node("zstd -3", (source) => unzstd(source, signal)), ...installed([["zstd", "-q", "-d"]])];

try {
  const library = openNativeDeflate() ? "libdeflate and ISA-L" : "Node's zlib, for lack of the libraries";
  const notes = [measuredOn(`npm run bench -- compression ${sizeMib} ${rounds}`), `Done by ${library}.`];
  console.log(notes.join(" "));
  const items = await corpus(sizeMib * mib);
  const packed = new Map<string, ReadonlyMap<string, Outcome>>();
  for (const item of items) packed.set(item.name, await measure(item, packing, item.bytes));
  const unpacked = await measureUnpacking(items[0] as CorpusItem);
  const text = [
    notes.join(" "),
    "Size as a share of zlib's level 6 in one stream, and CPU seconds a GiB of input:",
    sizeTable(items, packed),
    promises(items, packed),
    "Unpacking log text:",
    unpacked,
  ].join("\n\n");
  console.log(text);
  if (values.write) writeSection("docs/performance.md", "compression", text);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(
  { name, bytes }: CorpusItem,
  ways: readonly Way[],
  input: Buffer,
): Promise<ReadonlyMap<string, Outcome>> {
  const path = join(folder, "input");
  writeFileSync(path, input);
  const outcomes = new Map<string, Outcome[]>();
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) outcomes.set(way.name, [...(outcomes.get(way.name) ?? []), await way.run(path)]);
  }
  const figures = [...outcomes].map(([way, all]): [string, Outcome] => [
    way,
    {
      bytes: all[0]?.bytes ?? 0,
      seconds: median(all.map(({ seconds }) => seconds)),
      cpuSeconds: median(all.map(({ cpuSeconds }) => cpuSeconds)),
    },
  ]);
  console.log(`${name}: ${(bytes.length / mib).toFixed(0)} MiB measured`);
  return new Map(figures);
}

function sizeTable(
  items: readonly CorpusItem[],
  packed: ReadonlyMap<string, ReadonlyMap<string, Outcome>>,
): string {
  const rows = packing.map(({ name }) => [
    name,
    ...items.map((item) => {
      const figures = packed.get(item.name);
      const { bytes = 0, cpuSeconds = 0 } = figures?.get(name) ?? {};
      const share = (100 * bytes) / (figures?.get("zlib 6")?.bytes ?? 1);
      return `${share.toFixed(1)} %, ${(cpuSeconds / (item.bytes.length / mib / 1024)).toFixed(1)} s`;
    }),
  ]);
  return table(["", ...items.map(({ name }) => name)], rows);
}

/** What docs/artifacts/archives.md says of the levels, and how it stands with the worst item of the corpus. */
function promises(
  items: readonly CorpusItem[],
  packed: ReadonlyMap<string, ReadonlyMap<string, Outcome>>,
): string {
  const rules = [
    { level: -1, zlib: 6, shareMax: 1.03 },
    { level: 6, zlib: 6, shareMax: 1.01 },
    { level: 9, zlib: 9, shareMax: 1 },
  ];
  const rows = rules.map(({ level, zlib, shareMax }) => {
    const shares = items
      .filter(({ isCompressible }) => isCompressible)
      .map(({ name }) => {
        const figures = packed.get(name);
        const bytes = figures?.get(levelName(level))?.bytes ?? Number.NaN;
        return { name, share: bytes / (figures?.get(`zlib ${zlib}`)?.bytes ?? Number.NaN) };
      })
      .sort((a, b) => b.share - a.share);
    const { name = "", share = Number.NaN } = shares[0] ?? {};
    const verdict = share <= shareMax ? "holds" : "**does not hold**";
    return [
      levelName(level),
      `at most ${100 * shareMax} % of zlib ${zlib}`,
      `${verdict}: ${(100 * share).toFixed(2)} % (${name})`,
    ];
  });
  return table(["", "promised", "the worst of the corpus"], rows);
}

async function measureUnpacking(item: CorpusItem): Promise<string> {
  const own: Uint8Array[] = [];
  for await (const chunk of Readable.from(pieces(item.bytes), { objectMode: false }).pipe(gzip()))
    own.push(chunk);
  const inputs: readonly [readonly Way[], Buffer | undefined][] = [
    [ours, Buffer.concat(own)],
    [foreign, packedBy(["gzip", "-6"], item)],
    [fromZstd, packedBy(["zstd", "-q", "-3"], item)],
  ];
  const rows: string[][] = [];
  for (const [ways, input] of inputs) {
    if (input === undefined) continue;
    for (const [name, { bytes, seconds, cpuSeconds }] of await measure(item, ways, input)) {
      const gib = bytes / mib / 1024;
      rows.push([name, `${(bytes / mib / seconds).toFixed(0)} MiB/s`, `${(cpuSeconds / gib).toFixed(2)} s`]);
    }
  }
  return table(["", "speed", "CPU a GiB of content"], rows);
}

function packedBy([command = "", ...args]: readonly string[], { bytes }: CorpusItem): Buffer | undefined {
  const { stdout, error } = spawnSync(command, [...args, "-c"], { input: bytes, maxBuffer: 2 ** 31 - 1 });
  return error ? undefined : stdout;
}

function installed(commands: readonly (readonly string[])[]): readonly Way[] {
  return commands.flatMap((command) => {
    const isThere = spawnSync(command[0] ?? "", ["--version"], { stdio: "ignore" }).error === undefined;
    if (!isThere) console.log(`left out: ${command[0]} is not installed`);
    return isThere ? [program(...command)] : [];
  });
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
