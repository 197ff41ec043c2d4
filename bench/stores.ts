/**
 * Each object store over the transfer engine beside a loop of its own driver, one object after the other, and beside the
 * vendor's SDK, in one run:
 *   npm run bench -- stores [--write] [store, default all: s3 gcs azure oss] [small files, default 5000] [MiB of the large file, default 1024]
 *
 * The server is a process of its own behind a proxy that delays each byte by 10 ms in each direction, which makes a round
 * trip of 20 ms. The loop is measured on 100 objects and multiplied. The large file travels without delay, from and to a
 * process whose memory budget is that of a container of 128 MiB; shown is the peak of its anonymous memory. `--write` puts the
 * table into docs/performance.md.
 */
import "./ready.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
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
import { startQuickGcsStore } from "./quick-gcs-store.ts";
import { startQuickStore } from "./quick-store.ts";
import { expectSection, measuredOn, table, writeSection } from "./report.ts";
import { getAll, openVendorClient, putAll } from "./vendor-clients.ts";

const mib = 1024 * 1024;
const smallBytes = 4096;
const loopLength = 100;
/** A line is shown as the best of so many: what else the machine does only adds. */
const rounds = 3;
const names = ["s3", "gcs", "azure", "oss"] as const;
type Name = (typeof names)[number];
const never = new AbortController().signal;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
const head = [
  "store",
  "line",
  "seconds",
  "CPU s: client, server, way",
  "a serial loop",
  "times",
  "peak of anonymous memory",
];
const rows: (readonly string[])[] = [];
if (values.write) expectSection("docs/performance.md", "stores");
const root = mkdtempSync(join(tmpdir(), "bench-stores-"));
let memoryGroup: string | undefined;

try {
  const [role = "", ...rest] = positionals;
  if (role === "serve") await serve(rest[0] as Name, rest[1] ?? "");
  else if (role === "client") await client(rest[0] as Name, rest[1] ?? "", rest[2] ?? "", Number(rest[3]));
  else {
    const [small = "5000", large = "1024"] = rest;
    memoryGroup = openMemoryGroup();
    console.log(table(head, []));
    for (const name of names) {
      if (role === "" || role === "all" || role === name) await compare(name, Number(small), Number(large));
    }
    const command = ["npm run bench -- stores", ...positionals].join(" ");
    if (values.write)
      writeSection("docs/performance.md", "stores", [measuredOn(command), table(head, rows)].join("\n\n"));
  }
} finally {
  rmSync(root, { recursive: true, force: true });
  if (memoryGroup !== undefined) rmdirSync(memoryGroup);
}

async function compare(name: Name, small: number, largeMib: number): Promise<void> {
  if (small > 0) await compareSmall(name, small);
  if (largeMib > 0) await compareLarge(name, largeMib);
}

async function compareSmall(name: Name, small: number): Promise<void> {
  await using server = await startServer(kindFor(name, false), name);
  await using proxy = await startDelayProxy({ target: server.endpoint, delayMs: 10 });
  for (const line of ["up", "down"] as const) {
    const near = await best({ name, server, address: server.endpoint }, line, small);
    print(name, `${small} x 4 KiB ${line}, no delay`, near);
    const far = { name, server, address: proxy.endpoint };
    const ours = await best(far, line, small);
    const loop = await run(far, `${line}-loop`, loopLength);
    const loopSeconds = (loop.seconds / loopLength) * small;
    const what = `${small} x 4 KiB ${line}, 20 ms away`;
    print(name, what, ours, [`${loopSeconds.toFixed(0)} s`, (loopSeconds / ours.seconds).toFixed(0)]);
    const sdk = await best(far, `${line}-sdk`, small);
    print(name, `the same by the vendor's SDK, 32 requests in flight`, sdk);
  }
}

async function compareLarge(name: Name, largeMib: number): Promise<void> {
  await using server = await startServer(kindFor(name, true), name);
  for (const line of ["large-up", "large-down"] as const) {
    const ours = await run({ name, server, address: server.endpoint }, line, largeMib);
    print(name, `${largeMib} MiB ${line.slice(6)}`, ours);
  }
}

/** Which server: those that are busy on their own are no measure (quick-store.ts). Large objects of S3 go to our server, which writes to the disk. */
function kindFor(name: Name, isLarge: boolean): Kind {
  return name === (isLarge ? "s3" : "gcs") ? "usual" : "quick";
}

type Kind = "quick" | "usual";

interface Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly pid: number;
}

/** A server in a process of its own. */
async function startServer(kind: Kind, name: Name): Promise<Server> {
  const child = spawn(process.execPath, [import.meta.filename, "serve", name, kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line = ""] = (await once(createInterface(child.stdout), "line")) as [string];
  const [endpoint = "", pid] = line.split(" ");
  return {
    endpoint,
    pid: Number(pid),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

interface Figures {
  readonly seconds: number;
  readonly peakMib: number;
  readonly cpuSeconds: number;
  /** Of the server, and of this process, which delays. */
  readonly serverCpuSeconds: number;
  readonly wayCpuSeconds: number;
}

function print(name: Name, what: string, figures: Figures, loop: readonly string[] = ["", ""]): void {
  const { seconds, peakMib, cpuSeconds, serverCpuSeconds, wayCpuSeconds } = figures;
  const cpu = [cpuSeconds, serverCpuSeconds, wayCpuSeconds].map((each) => each.toFixed(1)).join(", ");
  const row = [name, what, `${seconds.toFixed(1)} s`, cpu, ...loop, `${peakMib.toFixed(0)} MiB`];
  rows.push(row);
  console.log(`| ${row.join(" | ")} |`);
}

interface Place {
  readonly name: Name;
  readonly server: Server;
  /** Of the server, or of the way to it. */
  readonly address: string;
}

async function best(place: Place, line: string, count: number): Promise<Figures> {
  const all: Figures[] = [];
  for (let round = 0; round < rounds; round += 1) all.push(await run(place, line, count));
  return all.reduce((one, other) => (other.seconds < one.seconds ? other : one));
}

/** The client runs in a cgroup with the memory of a container of 128 MiB, where we may make one. */
async function run({ name, server: { pid }, address }: Place, line: string, count: number): Promise<Figures> {
  const args = [import.meta.filename, "client", name, address, line, String(count)];
  const before = [cpuSecondsOf(pid), cpuSecondsOf(process.pid)] as const;
  const inGroup = memoryGroup === undefined ? "" : `echo $$ > ${memoryGroup}/cgroup.procs; `;
  const child = spawn("/bin/sh", ["-c", `${inGroup}exec "$0" "$@"`, process.execPath, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks = (await child.stdout.toArray()) as Buffer[];
  if (child.exitCode === null) await once(child, "exit");
  return {
    ...(JSON.parse(Buffer.concat(chunks).toString()) as Figures),
    serverCpuSeconds: cpuSecondsOf(pid) - before[0],
    wayCpuSeconds: cpuSecondsOf(process.pid) - before[1],
  };
}

/** A cgroup (v1) of 128 MiB; undefined where we may not make one, and only the budget holds. */
function openMemoryGroup(): string | undefined {
  const folder = `/sys/fs/cgroup/memory/bench-stores-${process.pid}`;
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, "memory.limit_in_bytes"), String(128 * mib));
    return folder;
  } catch {
    console.log("(no cgroup can be made: nothing enforces the 128 MiB)");
    return undefined;
  }
}

/** User and system time of a process (proc(5), fields 14 and 15 of stat). */
function cpuSecondsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  const ticksASecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksASecond;
}

/** The server of one store, until its input ends. Prints where it listens, and the process that does. */
async function serve(name: Name, kind: string): Promise<void> {
  const server =
    kind === "quick" && name !== "gcs"
      ? { ...(await startQuickStore(name)), createBucket() {} }
      : name === "s3"
        ? await startObjectServer({ directory: join(root, "s3"), accessKey: "access", secretKey: "secret" })
        : name === "gcs"
          ? await (kind === "quick"
              ? { ...(await startQuickGcsStore()), createBucket() {} }
              : startGcsServer())
          : name === "oss"
            ? await startOssServer()
            : await startAzurite();
  if ("createBucket" in server) server.createBucket("bucket");
  else await createContainer(server.endpoint, "bucket");
  console.log(`${server.endpoint} ${"pid" in server ? server.pid : process.pid}`);
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
  const vendor = line.endsWith("-sdk") ? await openVendorClient(name, endpoint) : undefined;
  await using driver = await openDriver(artifactOf(name, endpoint, "x"), context);
  const at = (key: string) => artifactOf(name, endpoint, key);
  const startedMs = performance.now();
  if (vendor === undefined) await work(driver, at, line, count);
  else await vendorWork(vendor, line, count);
  const seconds = (performance.now() - startedMs) / 1000;
  look();
  clearInterval(timer);
  console.log(JSON.stringify({ seconds, peakMib, cpuSeconds: cpuSecondsOf(process.pid) }));
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

async function vendorWork(
  vendor: Awaited<ReturnType<typeof openVendorClient>>,
  line: string,
  count: number,
): Promise<void> {
  const keys = Array.from({ length: count }, (_, index) => nameOf(index));
  if (line === "up-sdk") return await putAll(vendor, keys, Buffer.alloc(smallBytes, "0123456789abcdef-"));
  const folder = join(root, "in");
  mkdirSync(folder);
  await getAll(vendor, keys, folder);
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
