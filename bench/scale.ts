/**
 * Whether time and memory a unit stay the same while the work grows: objects of 1 KiB, entries of an archive, HTTP tasks:
 *   npm run bench -- scale [--write] [--max 100000] [--folder FOLDER] [line: objects, entries, tasks, quick]
 *
 * Each size runs in a process of its own. FULL=1 adds a million objects and entries. `quick` are objects on a store that
 * answers at once (quick-store.ts), a process of its own, and runs only where it is asked for: MinIO takes most of an hour
 * for a million. `--write` puts the table and the plot (docs/images/scale.svg, by matplotlib, from PyPI) into
 * docs/performance.md. Files lie below FOLDER, the system's for temporary ones unless it is given.
 */
import "./ready.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startApiServer } from "../test/servers/api-server/index.ts";
import { childOf, cpuSeconds, memoryKib, resource, whenVisible } from "./agent-runs.ts";
import { ArtifactRuns, type Target } from "./artifact-runs.ts";
import { type Plot, plot } from "./plot.ts";
import { expectSection, measuredOn, table, writeSection } from "./report.ts";
import { endProcess, type Store, startStore } from "./store.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: "boolean", default: false },
    max: { type: "string", default: "100000" },
    folder: { type: "string", default: tmpdir() },
  },
});
const [wanted = ""] = positionals;
/** Some of the lines have a place of their own, for what takes long with all of them. */
const section = wanted === "" ? "scale" : `scale-${wanted}`;
if (values.write) expectSection("docs/performance.md", section);
const isFull = process.env.FULL === "1";
const sizes = [1000, 3000, 10_000, 30_000, 100_000].filter((size) => size <= Number(values.max));
const objectSizes = isFull ? [...sizes, 1_000_000] : sizes;
/** One task set holds no more: the API server takes objects of 1.5 MiB. */
const taskSizes = [300, 1000, 3000, 10_000];
const root = mkdtempSync(join(values.folder, "bench-scale-"));

interface Point {
  readonly size: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMib: number;
}
/** By line, from the smallest size on. */
const points = new Map<string, Point[]>();

try {
  if ("objects".startsWith(wanted) || "entries".startsWith(wanted)) {
    const store = await startStore(root);
    try {
      await measureArtifacts(store);
    } finally {
      await store.stop();
    }
  }
  if (wanted === "quick") await measureQuickly();
  if ("tasks".startsWith(wanted)) for (const size of taskSizes) note("HTTP tasks", await runTasks(size));
  const rows = [...points].flatMap(([line, all]) => all.map((point) => row(line, point)));
  const text = table(["", "units", "ms a unit", "CPU ms a unit", "peak, MiB"], rows);
  console.log(text);
  if (values.write) {
    const folder = values.folder === tmpdir() ? "" : ` --folder ${values.folder}`;
    const problem = await plot(`docs/images/${section}.svg`, plots());
    if (problem !== undefined) throw new Error(problem);
    const command =
      `${isFull ? "FULL=1 " : ""}npm run bench -- scale --max ${values.max}${folder} ${wanted}`.trim();
    const image = `![time and memory over the number of units](images/${section}.svg)`;
    const notes = `${measuredOn(command)} Memory is anonymous, of the agent resident.`;
    writeSection("docs/performance.md", section, [notes, image, text].join("\n\n"));
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

function note(line: string, point: Point): void {
  points.set(line, [...(points.get(line) ?? []), point]);
  console.error(`# ${row(line, point).join(", ")}`);
}

function row(line: string, { size, seconds, cpuSeconds, peakMib }: Point): string[] {
  const each = (all: number) => ((all / size) * 1000).toFixed(3);
  return [line, size.toLocaleString("en"), each(seconds), each(cpuSeconds), peakMib.toFixed(0)];
}

function plots(): readonly Plot[] {
  const lines = (value: (point: Point) => number) =>
    [...points].map(([name, all]) => ({ name, x: all.map(({ size }) => size), y: all.map(value) }));
  return [
    {
      title: "milliseconds a unit",
      scale: "log",
      lines: lines(({ seconds, size }) => (seconds / size) * 1000),
    },
    { title: "peak of memory, MiB", scale: "linear", lines: lines(({ peakMib }) => peakMib) },
  ];
}

/** Files of 1 KiB, as an object each and as entries of one archive, from main's file system to the store and back. */
async function measureArtifacts({ endpoint }: Store): Promise<void> {
  const runs = await ArtifactRuns.prepare(root);
  for (const size of objectSizes) {
    const folder = writeFiles(size);
    for (const [word, strategy] of [
      ["objects", "none"],
      ["entries", "tar"],
    ] as const) {
      if (!word.startsWith(wanted)) continue;
      const what = word === "objects" ? "objects of 1 KiB" : "entries of 1 KiB in tar.gz";
      await bothWays(runs, { endpoint, key: `${word}-${size}`, strategy }, { what, size, folder });
    }
  }
}

/** Steps of ten, for a million takes long enough. */
async function measureQuickly(): Promise<void> {
  const runs = await ArtifactRuns.prepare(root);
  for (const size of objectSizes.filter((each) => Number.isInteger(Math.log10(each)))) {
    const folder = writeFiles(size);
    const store = await startQuickly();
    try {
      const target = { endpoint: store.endpoint, key: `quick-${size}`, strategy: "none" } as const;
      await bothWays(runs, target, { what: "objects of 1 KiB, a store that answers at once", size, folder });
    } finally {
      await endProcess(store.child);
    }
    rmSync(folder, { recursive: true });
  }
}

async function startQuickly() {
  const source = `
    import { startQuickStore } from ${JSON.stringify(resolve("bench/quick-store.ts"))};
    console.log((await startQuickStore("s3")).endpoint);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [endpoint] = (await once(child.stdout, "data")) as [Buffer];
  return { child, endpoint: endpoint.toString().trim() };
}

async function bothWays(
  runs: ArtifactRuns,
  target: Target,
  { what, size, folder }: { readonly what: string; readonly size: number; readonly folder: string },
): Promise<void> {
  const up = await runs.save(folder, target);
  note(`${what}, up`, { ...up, size, peakMib: up.peakMib ?? Number.NaN });
  const down = await runs.load(target, { setsAside: true });
  note(`${what}, down`, { ...down, size, peakMib: down.peakMib ?? Number.NaN });
}

/** A thousand to a folder, as programs make them; no two are the same. */
function writeFiles(count: number): string {
  const folder = join(root, `files-${count}`);
  const content = Buffer.alloc(1024, "some text of a small file, ");
  for (let at = 0; at < count; at++) {
    const part = join(folder, String(Math.floor(at / 1000)));
    if (at % 1000 === 0) mkdirSync(part, { recursive: true });
    content.writeUInt32LE(at);
    const file = openSync(join(part, String(at)), "w");
    writeSync(file, content);
    closeSync(file);
  }
  return folder;
}

/** All tasks in one task set, from the start of the agent to the last result that can be seen. */
async function runTasks(size: number): Promise<Point> {
  const web = createServer((_, response) => response.end("ok"));
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const ids = Array.from({ length: size }, (_, at) => `task-${at}`);
  const tasks = Object.fromEntries(ids.map((id) => [id, { name: "t", http: { url: `${url}/${id}` } }]));
  await using api = await startApiServer({ token: "t" });
  api.create({ ...resource, namespace: "argo" }, { metadata: { name: "wf" }, spec: { tasks } });
  const pod = join(root, `agent-${size}`);
  mkdirSync(join(pod, "var/run/argo"), { recursive: true });
  const flags = ["--loglevel", "error", "--server", api.url, "--token", "t", "--namespace", "argo"];
  const start = performance.now();
  const agent = spawn("dist/bin/argoexec", ["agent", "main", ...flags], {
    env: {
      PATH: process.env.PATH,
      ARGOEXEC_ROOT: pod,
      ARGO_WORKFLOW_NAME: "wf",
      ARGO_WORKFLOW_UID: "uid",
      ARGO_AGENT_TASK_WORKERS: "100",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  try {
    await whenVisible(api, ids);
    const seconds = (performance.now() - start) / 1000;
    const node = childOf(agent);
    return { size, seconds, cpuSeconds: cpuSeconds(node), peakMib: memoryKib(node).peak / 1024 };
  } finally {
    const ended = once(agent, "exit");
    agent.kill("SIGTERM");
    await ended;
    web.closeAllConnections();
    web.close();
  }
}
