/**
 * Throughput and CPU of the archive codecs on this machine, beside one zlib thread:
 *   npm run bench -- archive [MiB of log text, default 256] [small files, default 20000]
 */
import "./ready.ts";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { extractTar, gunzip, gzip } from "../src/archive/index.ts";
import { packTar } from "../test/archive/pack-tar.ts";

const mib = 1024 * 1024;
const sizeMib = Number(process.argv[2] ?? 256);
const smallFiles = Number(process.argv[3] ?? 20_000);
const signal = new AbortController().signal;
const options = { warn: (message: string) => console.warn(message) };
const folder = await mkdtemp(join(tmpdir(), "bench-archive-"));

try {
  const log = join(folder, "log.txt");
  await writeLog(log, sizeMib * mib);
  const compressed = join(folder, "log.gz");
  const noise = join(folder, "noise");
  await writeNoise(noise, sizeMib * mib);

  await report("zlib level 6, one thread", sizeMib, () =>
    count(read(log), createGzip({ chunkSize: 256 * 1024 })),
  );
  for (const level of [6, 1, 0]) {
    await report(`gzip level ${level}`, sizeMib, () => count(read(log), gzip({ level })));
  }
  await report("gzip level 6, noise", sizeMib, () => count(read(noise), gzip()));
  await pipeline(read(log), gzip(), (source: AsyncIterable<Buffer>) => writeFile(compressed, source));
  await report("gunzip", sizeMib, () => count(Readable.from(gunzip(read(compressed), signal))));
  await report("pack tar, one file", sizeMib, () => count(packTar(log, options, signal)));
  await report("unpack tar, one file", sizeMib, () => unpackInto("one", log));

  const tree = join(folder, "tree");
  await writeTree(tree, smallFiles);
  const treeMib = (smallFiles * 4096) / mib;
  await report(`pack tar, ${smallFiles} files of 4 KiB`, treeMib, () =>
    count(packTar(tree, options, signal)),
  );
  await report(`unpack tar, ${smallFiles} files of 4 KiB`, treeMib, () => unpackInto("many", tree));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function unpackInto(name: string, source: string): Promise<undefined> {
  const destination = join(folder, name);
  await mkdir(destination);
  await extractTar(packTar(source, options, signal), destination, options, signal);
}

async function report(
  title: string,
  megabytes: number,
  work: () => Promise<number | undefined>,
): Promise<void> {
  const start = performance.now();
  const before = process.cpuUsage();
  const bytes = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  const speed = `${(megabytes / seconds).toFixed(0)} MB/s`;
  const cpu = `${((user + system) / 1e6 / (megabytes / 1024)).toFixed(2)} s CPU a GiB`;
  const ratio = bytes === undefined ? "" : `${(bytes / (megabytes * mib)).toFixed(4)} of its size`;
  console.log([title.padEnd(40), speed.padStart(10), cpu.padStart(20), ratio].join("  "));
}

async function count(...streams: [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]]): Promise<number> {
  let bytes = 0;
  await pipeline([
    ...streams,
    async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) bytes += chunk.length;
    },
  ]);
  return bytes;
}

function read(path: string): Readable {
  return createReadStream(path, { highWaterMark: 256 * 1024 });
}

/** Lines as services write them: times, levels, words from a small vocabulary, numbers that differ. */
async function writeLog(path: string, sizeBytes: number): Promise<void> {
  const words =
    "request started finished connection pool worker retry timeout client server latency offset".split(" ");
  let seed = 12345;
  const next = (below: number) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const file = await open(path, "w");
  for (let written = 0, time = Date.UTC(2026, 0, 1); written < sizeBytes; ) {
    const lines: string[] = [];
    for (let line = 0; line < 5000; line++) {
      time += next(1000);
      const level = ["INFO", "WARN", "ERROR"][next(3)];
      const id = next(0x7fffff).toString(16);
      lines.push(
        `${new Date(time).toISOString()} ${level} [thread-${next(64)}] ${words[next(words.length)]} id=${id} ms=${next(5000)}\n`,
      );
    }
    const block = Buffer.from(lines.join("")).subarray(0, sizeBytes - written);
    written += (await file.write(block)).bytesWritten;
  }
  await file.close();
}

async function writeNoise(path: string, sizeBytes: number): Promise<void> {
  const chunk = new Uint8Array(64 * 1024);
  async function* noise() {
    for (let left = sizeBytes; left > 0; left -= chunk.length) yield crypto.getRandomValues(chunk).slice();
  }
  await writeFile(path, Readable.from(noise()));
  if ((await stat(path)).size !== sizeBytes) throw new Error("the size must be a multiple of 64 KiB");
}

async function writeTree(root: string, files: number): Promise<void> {
  const content = Buffer.alloc(4096, "some text ");
  for (let at = 0; at < files; at++) {
    const directory = join(root, `d${Math.floor(at / 500)}`);
    if (at % 500 === 0) await mkdir(directory, { recursive: true });
    await writeFile(join(directory, `f${at}`), content);
  }
}
