/**
 * Each object store over the transfer engine beside a loop of its own driver, one object after the other, in one run:
 *   node bench/stores.ts [store, default all: s3 gcs azure oss] [small files, default 5000] [MiB of the large file, default 1024]
 *
 * The server is a process of its own behind a proxy that delays each byte by 10 ms in each direction, which makes a round
 * trip of 20 ms. The loop is measured on 100 objects and multiplied. The large file travels without delay, from and to a
 * process whose memory budget is that of a container of 128 MiB; shown is the peak of its anonymous memory.
 */
import "./ready.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { type ArtifactDriver, openDriver } from "../src/artifacts/index.ts";
import type { Artifact } from "../src/template/index.ts";
import { memoryBudget } from "../src/transfer/index.ts";
import { createContainer } from "../test/drivers/stores.ts";
import { surroundings } from "../test/drivers/surroundings.ts";
import { account, accountKey, startAzurite } from "../test/servers/azurite.ts";
import { startDelayProxy } from "../test/servers/delay-proxy/index.ts";
import { startGcsServer } from "../test/servers/gcs-server.ts";
import { startObjectServer } from "../test/servers/object-server/index.ts";
import { startOssServer } from "../test/servers/oss-server.ts";

const mib = 1024 * 1024;
const smallBytes = 4096;
const loopLength = 100;
const names = ["s3", "gcs", "azure", "oss"] as const;
type Name = (typeof names)[number];
const never = new AbortController().signal;
const root = mkdtempSync(join(tmpdir(), "bench-stores-"));

try {
  const [role = "", ...rest] = process.argv.slice(2);
  if (role === "serve") await serve(rest[0] as Name);
  else if (role === "client") await client(rest[0] as Name, rest[1] ?? "", rest[2] ?? "", Number(rest[3]));
  else {
    const [small = "5000", large = "1024"] = rest;
    console.log("| store | line | seconds | a serial loop | times | peak of anonymous memory |");
    console.log("|---|---|---|---|---|---|");
    for (const name of names) {
      if (role === "" || role === "all" || role === name) await compare(name, Number(small), Number(large));
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function compare(name: Name, small: number, largeMib: number): Promise<void> {
  const server = spawn(process.execPath, [import.meta.filename, "serve", name], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const [endpoint = ""] = (await once(createInterface(server.stdout), "line")) as [string];
    await using proxy = await startDelayProxy({ target: endpoint, delayMs: 10 });
    for (const line of ["up", "down"] as const) {
      const ours = await run(name, proxy.endpoint, line, small);
      const loop = await run(name, proxy.endpoint, `${line}-loop`, loopLength);
      const loopSeconds = (loop.seconds / loopLength) * small;
      const what = `${small} x 4 KiB ${line}, 20 ms away`;
      print(name, what, ours, `${loopSeconds.toFixed(0)} s | ${(loopSeconds / ours.seconds).toFixed(0)}`);
    }
    for (const line of ["large-up", "large-down"] as const) {
      const ours = await run(name, endpoint, line, largeMib);
      print(name, `${largeMib} MiB ${line.slice(6)}`, ours, "| ");
    }
  } finally {
    server.stdin.end();
    await once(server, "exit");
  }
}

interface Figures {
  readonly seconds: number;
  readonly peakMib: number;
}

function print(name: Name, what: string, { seconds, peakMib }: Figures, rest: string): void {
  console.log(`| ${name} | ${what} | ${seconds.toFixed(1)} s | ${rest} | ${peakMib.toFixed(0)} MiB |`);
}

async function run(name: Name, endpoint: string, line: string, count: number): Promise<Figures> {
  const args = [import.meta.filename, "client", name, endpoint, line, String(count)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const chunks = (await child.stdout.toArray()) as Buffer[];
  if (child.exitCode === null) await once(child, "exit");
  return JSON.parse(Buffer.concat(chunks).toString()) as Figures;
}

/** The server of one store, until its input ends. Prints where it listens. */
async function serve(name: Name): Promise<void> {
  const server =
    name === "s3"
      ? await startObjectServer({ directory: join(root, "s3"), accessKey: "access", secretKey: "secret" })
      : name === "gcs"
        ? await startGcsServer()
        : name === "oss"
          ? await startOssServer()
          : await startAzurite();
  if ("createBucket" in server) server.createBucket("bucket");
  else await createContainer(server.endpoint, "bucket");
  console.log(server.endpoint);
  await process.stdin.resume().toArray();
  await server[Symbol.asyncDispose]();
}

async function client(name: Name, endpoint: string, line: string, count: number): Promise<void> {
  let peakMib = 0;
  const look = () => {
    const status = readFileSync("/proc/self/status", "utf8");
    peakMib = Math.max(peakMib, Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024);
  };
  const timer = setInterval(look, 20);
  const context = surroundings(
    { "k/access": "access", "k/secret": "secret", "k/azure": accountKey },
    {
      memoryBytes: memoryBudget(128 * mib),
      retry: { attempts: 5, durationMs: 1000, factor: 1.6, jitter: 0.5 },
      identityVariables: { STORAGE_EMULATOR_HOST: endpoint },
    },
  );
  await using driver = await openDriver(artifactOf(name, endpoint, "x"), context);
  const at = (key: string) => artifactOf(name, endpoint, key);
  const startedMs = performance.now();
  await work(driver, at, line, count);
  const seconds = (performance.now() - startedMs) / 1000;
  look();
  clearInterval(timer);
  console.log(JSON.stringify({ seconds, peakMib }));
}

async function work(
  driver: ArtifactDriver,
  at: (key: string) => Artifact,
  line: string,
  count: number,
): Promise<void> {
  switch (line) {
    case "up":
      return await driver.saveTree(
        at("tree"),
        {
          async *files() {
            for (let index = 0; index < count; index += 1)
              yield { path: nameOf(index), content: content(smallBytes) };
          },
        },
        never,
      );
    case "up-loop":
      for (let index = 0; index < count; index += 1)
        await driver.saveFile(at(`loop/${nameOf(index)}`), content(smallBytes), never);
      return;
    case "down": {
      const stored = await driver.open(at("tree"), never);
      if (stored.kind !== "directory") throw new Error("not a directory");
      const folder = join(root, "in");
      mkdirSync(folder);
      return await stored.download(folder);
    }
    case "down-loop":
      for (let index = 0; index < count; index += 1) await drain(driver, at(`loop/${nameOf(index)}`));
      return;
    case "large-up":
      return await driver.saveFile(at("large"), content(count * mib), never);
    default: {
      const stored = await driver.open(at("large"), never);
      if (stored.kind !== "file" || stored.saveTo === undefined) throw new Error("not a file");
      await stored.saveTo(join(root, "large"));
    }
  }
}

async function drain(driver: ArtifactDriver, artifact: Artifact): Promise<void> {
  const stored = await driver.open(artifact, never);
  if (stored.kind !== "file") throw new Error("not a file");
  for await (const _ of stored.openStream());
}

function nameOf(index: number): string {
  return `file-${String(index).padStart(6, "0")}`;
}

/** Bytes that are made when they are read, so that the source costs nothing. */
function content(sizeBytes: number) {
  const block = Buffer.alloc(Math.min(sizeBytes, mib), "0123456789abcdef-");
  const open = ({ offset = 0, length = sizeBytes }: { offset?: number; length?: number } = {}) => {
    const end = Math.min(sizeBytes, offset + length);
    const chunks = function* () {
      for (let left = end - offset; left > 0; left -= block.length)
        yield block.subarray(0, Math.min(left, block.length));
    };
    return Readable.from(chunks(), { objectMode: false });
  };
  return { name: "x.bin", sizeBytes, replayable: true, open };
}

function artifactOf(name: Name, endpoint: string, key: string): Artifact {
  const keys = {
    accessKeySecret: { name: "k", key: "access" },
    secretKeySecret: { name: "k", key: "secret" },
  };
  const common = { name: "a", path: "/tmp/a" };
  if (name === "s3") return { ...common, s3: { endpoint, bucket: "bucket", insecure: true, key, ...keys } };
  if (name === "oss") return { ...common, oss: { endpoint, bucket: "bucket", key, ...keys } };
  if (name === "gcs") return { ...common, gcs: { bucket: "bucket", key } };
  const accountKeySecret = { name: "k", key: "azure" };
  const azure = {
    endpoint: `http://${endpoint}/${account}`,
    container: "bucket",
    blob: key,
    accountKeySecret,
  };
  return { ...common, azure };
}
