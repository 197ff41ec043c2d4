/**
 * What the agent costs, and how soon its results can be seen:
 *   npm run bench -- agent [--write] [tasks served in the endurance run, default 20000]
 *
 * The API server and the web server run in this process, on the same processors; the agent is the bundle, in a process
 * of its own. `--write` puts the figures into docs/performance.md.
 */
import "./ready.ts";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { bundle } from "../scripts/bundle.ts";
import { type ApiServer, startApiServer } from "../test/servers/api-server/index.ts";
import { cpuSeconds, memoryKib, nodesOf, patch, resource, whenVisible } from "./agent-runs.ts";

import { writeHeadlines } from "./headlines.ts";
import { expectSection, measuredOn, median, percentile, table, writeSection } from "./report.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
const served = Number(positionals[0] ?? 20_000);
if (values.write) expectSection("docs/performance.md", "agent");
/** What was measured, and its figure. */
const figures: [string, string][] = [];
const root = mkdtempSync(join(tmpdir(), "bench-agent-"));
const installed = join(root, "lib/argoexec");
const script = join(installed, "argoexec.cjs");
mkdirSync(join(root, "var/run/argo"), { recursive: true });

/** What the controller gives an agent's container. */
const memoryLimitBytes = 256_000_000;
const enter = 'for group in $0; do echo $$ > "$group"; done; exec "$@"';
const memoryGroup = openCgroup("memory", { "memory.limit_in_bytes": memoryLimitBytes });
const cpuGroup = openCgroup("cpu", { "cpu.cfs_period_us": 100_000, "cpu.cfs_quota_us": 10_000 });

/** When the response to each task ended, by `performance.now()`. */
const answeredMs = new Map<string, number>();
const held: ServerResponse[] = [];
const web = createServer((request, response) => {
  const id = (request.url ?? "").slice(1);
  if (id.startsWith("held")) return void held.push(response);
  response.end("ok");
  answeredMs.set(id, performance.now());
});
web.listen(0, "127.0.0.1");
await once(web, "listening");
const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;

try {
  await bundle(installed, { version: "bench" });
  print(
    "memory limit of the agent's container",
    memoryGroup === undefined ? "none" : mib(memoryLimitBytes / 1024),
  );
  reportInit();
  await reportStart();
  await reportFirstRequest();
  await reportSmallPod();
  await reportLatency(1);
  await reportLatency(1000);
  await reportInFlight(1000, 1000);
  await reportInFlight(1000, 60_000);
  await reportThroughput(10_000);
  await reportLargeTaskSet();
  await reportEndurance();
  if (values.write) {
    const command = `npm run bench -- agent ${served}`;
    writeSection(
      "docs/performance.md",
      "agent",
      [measuredOn(command), table(["", ""], figures)].join("\n\n"),
    );
    writeHeadlines();
  }
} finally {
  web.closeAllConnections();
  web.close();
  for (const group of [memoryGroup, cpuGroup]) if (group !== undefined) rmdirSync(dirname(group));
  rmSync(root, { recursive: true, force: true });
}

function reportInit(): void {
  const command = `TIMEFORMAT='%U %S'; { time ${process.execPath} ${nodeArgs().join(" ")} agent init >/dev/null; } 2>&1`;
  const env = { PATH: process.env.PATH, ARGOEXEC_ROOT: root, ARGO_PLUGIN_NAMES: '["one"]' };
  const seconds = Array.from({ length: 11 }, () => {
    const text = execFileSync("bash", ["--norc", "-c", command], { env, encoding: "utf8" });
    return text
      .trim()
      .split(" ")
      .map(Number)
      .reduce((sum, part) => sum + part, 0);
  });
  print("agent init: CPU, median of 11", `${median(seconds).toFixed(3)} s`);
}

async function reportStart(): Promise<void> {
  const seconds: number[] = [];
  let rssKib = 0;
  for (let i = 0; i < 5; i++) {
    await using run = await startRun({});
    seconds.push(cpuSeconds(run.agent));
    await sleep(300);
    rssKib = memoryKib(run.agent).now;
  }
  print("agent main: CPU until it is watching, median of 5", `${median(seconds).toFixed(3)} s`);
  print("agent main: resident memory, idle", mib(rssKib));
}

/** From the start of the process to the request that asks for its tasks, with the 100m of CPU that agents have. */
async function reportFirstRequest(): Promise<void> {
  const milliseconds: number[] = [];
  for (let i = 0; i < 11; i++) {
    const start = performance.now();
    await using _ = await startRun({ hasQuota: true });
    milliseconds.push(performance.now() - start);
  }
  const limit = cpuGroup === undefined ? "no limit of CPU" : "100m of CPU";
  print(
    `agent main, ${limit}: start to the watch of its tasks, 11 starts`,
    `median ${median(milliseconds).toFixed(0)} ms, largest ${percentile(milliseconds, 1).toFixed(0)} ms`,
  );
}

/** The line of the reference's figures: 100 tasks, with the 100m of CPU that the controller gives. */
async function reportSmallPod(): Promise<void> {
  const ids = Array.from({ length: 100 }, (_, i) => `small-${i}`);
  const start = performance.now();
  await using run = await startRun({ tasks: tasksOf(ids), hasQuota: true });
  await whenVisible(run.api, ids);
  const seconds = (performance.now() - start) / 1000;
  const limit = cpuGroup === undefined ? "no limit of CPU" : "100m of CPU";
  print(
    `agent main, ${limit}: start to the last of 100 results`,
    `${seconds.toFixed(1)} s, CPU ${cpuSeconds(run.agent).toFixed(2)} s, peak ${mib(memoryKib(run.agent).peak)}`,
  );
}

/** Tasks appear in a quiet agent's task set all at once. */
async function reportLatency(tasks: number): Promise<void> {
  const rounds = tasks === 1 ? 21 : 1;
  const delaysMs: number[] = [];
  await using run = await startRun({ workers: 100 });
  for (let round = 0; round < rounds; round++) {
    const ids = Array.from({ length: tasks }, (_, i) => `lat-${tasks}-${round}-${i}`);
    const visible = whenVisible(run.api, ids);
    await patch(run.api, { spec: { tasks: tasksOf(ids) } });
    for (const [id, atMs] of await visible) delaysMs.push(atMs - (answeredMs.get(id) ?? atMs));
    // Quiet again, as between two steps of a workflow.
    await sleep(200);
  }
  delaysMs.sort((a, b) => a - b);
  const p99 = delaysMs[Math.floor(delaysMs.length * 0.99)] ?? 0;
  print(
    `response to visible status, ${tasks === 1 ? "one task at a time" : `${tasks} at once`}`,
    `median ${median(delaysMs).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`,
  );
}

async function reportInFlight(tasks: number, bodyBytes: number): Promise<void> {
  const ids = Array.from({ length: tasks }, (_, i) => `held-${i}`);
  held.length = 0;
  await using run = await startRun({ workers: tasks, tasks: tasksOf(ids) });
  while (held.length < tasks) await sleep(20);
  await sleep(500);
  const waiting = memoryKib(run.agent).now;
  const visible = bodyBytes <= 1000 ? whenVisible(run.api, ids) : undefined;
  for (const response of held) response.end("x".repeat(bodyBytes));
  if (bodyBytes <= 1000) await visible;
  else await collectResults(run.api, ids.length);
  print(
    `agent main: resident memory with ${tasks} in flight, then answers of ${bodyBytes} bytes at once`,
    `${mib(waiting)}, peak ${mib(memoryKib(run.agent).peak)}`,
  );
}

/** As the controller does: takes results out as they come, for the task set has no room for all of them. */
async function collectResults(api: ApiServer, count: number): Promise<void> {
  for (let left = count; left > 0; ) {
    const nodes = nodesOf(api);
    const gone = Object.fromEntries(Object.keys(nodes).map((id) => [id, null]));
    left -= Object.keys(gone).length;
    if (Object.keys(gone).length > 0) {
      await patch(api, { status: { nodes: gone } }, "/status");
      await patch(api, { spec: { tasks: gone } });
    }
    await sleep(50);
  }
}

async function reportThroughput(tasks: number): Promise<void> {
  const ids = Array.from({ length: tasks }, (_, i) => `many-${i}`);
  const start = performance.now();
  await using run = await startRun({ workers: 100, tasks: tasksOf(ids) });
  await whenVisible(run.api, ids);
  const seconds = (performance.now() - start) / 1000;
  print(
    `${tasks} tasks in one task set`,
    `${(tasks / seconds).toFixed(0)} tasks/s, agent's CPU ${cpuSeconds(run.agent).toFixed(1)} s, peak ${mib(memoryKib(run.agent).peak)}`,
  );
}

/** 1.4 MB of templates whose status and labels change all the time. */
async function reportLargeTaskSet(): Promise<void> {
  const events = 100;
  const ids = Array.from({ length: 200 }, (_, i) => `held-large-${i}`);
  const tasks = Object.fromEntries(
    ids.map((id) => [id, { http: { url: `${origin}/${id}`, body: "x".repeat(7_000) } }]),
  );
  held.length = 0;
  await using run = await startRun({ workers: 200, tasks });
  while (held.length < ids.length) await sleep(20);
  const before = cpuSeconds(run.agent);
  for (let i = 0; i < events; i++) await patch(run.api, { metadata: { labels: { change: `${i}` } } });
  await sleep(300);
  const msEach = ((cpuSeconds(run.agent) - before) / events) * 1000;
  print(
    "task set of 1.4 MB: agent's CPU for each event, of a server that sends whole objects",
    `${msEach.toFixed(1)} ms`,
  );
}

/** Waves of tasks that the controller takes out when they are done. */
async function reportEndurance(): Promise<void> {
  const wave = 500;
  await using run = await startRun({ workers: 100 });
  const rss: number[] = [];
  for (let done = 0; done < served; done += wave) {
    const ids = Array.from({ length: wave }, (_, i) => `wave-${done + i}`);
    const visible = whenVisible(run.api, ids);
    await patch(run.api, { spec: { tasks: tasksOf(ids) } });
    await visible;
    const gone = Object.fromEntries(ids.map((id) => [id, null]));
    await patch(run.api, { status: { nodes: gone } }, "/status");
    await patch(run.api, { spec: { tasks: gone } });
    rss.push(memoryKib(run.agent).now);
    answeredMs.clear();
  }
  const quarter = Math.ceil(rss.length / 4);
  print(
    `${served} tasks in waves of ${wave}: resident memory`,
    `first quarter ${mib(Math.max(...rss.slice(0, quarter)))}, last quarter ${mib(Math.max(...rss.slice(-quarter)))}`,
  );
}

/** Makes a cgroup (v1), where we may; the figures can be had without, but nothing enforces them. */
function openCgroup(controller: string, limits: Readonly<Record<string, number>>): string | undefined {
  const folder = `/sys/fs/cgroup/${controller}/bench-agent-${process.pid}`;
  try {
    mkdirSync(folder);
    for (const [name, value] of Object.entries(limits)) writeFileSync(join(folder, name), String(value));
    return join(folder, "cgroup.procs");
  } catch {
    return undefined;
  }
}

/** As the static program starts it. */
function nodeArgs(): readonly string[] {
  return [...readFileSync(join(installed, "node.flags"), "utf8").trim().split("\n"), script];
}

interface Run extends AsyncDisposable {
  readonly api: ApiServer;
  readonly agent: ChildProcess;
}

/** An API server with a task set, and an agent that watches it. */
async function startRun({
  workers = 16,
  tasks = {},
  hasQuota = false,
}: {
  readonly workers?: number;
  readonly tasks?: object;
  readonly hasQuota?: boolean;
}): Promise<Run> {
  const groups = [memoryGroup, hasQuota ? cpuGroup : undefined]
    .filter((group) => group !== undefined)
    .join(" ");
  const api = await startApiServer({ token: "t" });
  api.create({ ...resource, namespace: "argo" }, { metadata: { name: "wf" }, spec: { tasks } });
  rmSync(join(root, "var/run/argo/.agent-journal"), { force: true });
  const args = [
    "agent",
    "main",
    "--loglevel",
    "error",
    "--server",
    api.url,
    "--token",
    "t",
    "--namespace",
    "argo",
  ];
  const command = [process.execPath, ...nodeArgs(), ...args];
  const [program = "", ...rest] = groups === "" ? command : ["sh", "-c", enter, groups, ...command];
  const agent = spawn(program, rest, {
    env: {
      ARGOEXEC_ROOT: root,
      ARGO_WORKFLOW_NAME: "wf",
      ARGO_WORKFLOW_UID: "uid",
      ARGO_AGENT_TASK_WORKERS: String(workers),
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  await api.waitForRequest(({ query }) => query.watch === "true");
  return {
    api,
    agent,
    async [Symbol.asyncDispose]() {
      agent.kill("SIGKILL");
      await once(agent, "exit");
      await api[Symbol.asyncDispose]();
    },
  };
}

function tasksOf(ids: readonly string[]): object {
  return Object.fromEntries(
    ids.map((id) => [id, { name: "t", http: { url: `${origin}/${id}`, timeoutSeconds: 120 } }]),
  );
}

function mib(kib: number): string {
  return `${(kib / 1024).toFixed(0)} MiB`;
}

function print(what: string, figure: string): void {
  figures.push([what, figure]);
  console.log(`${what}: ${figure}`);
}
