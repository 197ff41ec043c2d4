// CPU of init, wait and supervisor in a pod without artifacts, over TLS as in a cluster, in turns with bare Node and with
// other installations: `npm run bench -- phases [--write] [ROUNDS] [PREFIX...]`, such as another checkout's dist. Needs dist/.
import "./ready.ts";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ApiServer } from "../desk/api-server/index.ts";
import { expectSection, measuredOn, median, percentile, table, writeSection } from "./report.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
const [rounds = "20", ...others] = positionals;
if (values.write) expectSection("docs/performance.md", "phases");
const prefixes = ["dist", ...others].map((prefix) => resolve(prefix));
const root = mkdtempSync(join(tmpdir(), "outrider-phases-"));
const token = "bench-token";
await using api = await ApiServer.start({ tls: true, token });
const authority = join(root, "ca.crt");
writeFileSync(authority, api.certificate ?? "");
const flags = ["--server", api.url, "--token", token, "--namespace", "argo"];
const apiFlags = [...flags, "--certificate-authority", authority];

/** Milliseconds of CPU by what used them, a figure a round. */
const used = new Map<string, number[]>();
try {
  const empty = join(root, "empty.cjs");
  writeFileSync(empty, "");
  for (let round = 0; round < Number(rounds); round++) {
    await measured("bare Node, once", () => run("dist/lib/argoexec/node", [empty], {}));
    for (const prefix of prefixes) {
      await legacyPod(prefix, round);
      await initlessPod(prefix, round);
    }
  }
  for (const [name, figures] of used) console.log(`${name.padEnd(60)} ${summary(figures)}`);
  if (values.write) writeSection("docs/performance.md", "phases", page());
} finally {
  rmSync(root, { recursive: true });
}

/** A row for what is measured, a column for each installation. */
function page(): string {
  const mean = (figures: readonly number[]) =>
    figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
  const cell = (what: string, prefix: string) => {
    const figures = used.get(`${what}, ${prefix}`) ?? [];
    return `${mean(figures).toFixed(0)} (${median(figures)}, ${percentile(figures, 0.99)})`;
  };
  const whats = ["init", "wait, both phases (and main)", "supervisor, both phases (and main)"];
  const rows = whats.map((what) => [what, ...prefixes.map((prefix) => cell(what, prefix))]);
  const bare = mean(used.get("bare Node, once") ?? []).toFixed(0);
  const notes = `${measuredOn(`npm run bench -- phases ${rounds}`)} Milliseconds of CPU: mean (median, 99th percentile) of ${rounds}; bare Node: ${bare}.`;
  return [notes, table(["", ...prefixes.map((prefix) => versionOf(prefix))], rows)].join("\n\n");
}

/** The commit that an installation of another checkout was built from. */
function versionOf(prefix: string): string {
  const asked = ["-C", dirname(prefix), "rev-parse", "--short", "HEAD"];
  const { stdout } = spawnSync("git", asked, { encoding: "utf8" });
  return stdout.trim() || basename(prefix);
}

function summary(figures: readonly number[]): string {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0);
  const mean = figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
  return `mean ${mean.toFixed(1)}, p10 ${at(0.1)}, median ${at(0.5)}, p90 ${at(0.9)} ms of CPU`;
}

async function legacyPod(prefix: string, round: number): Promise<void> {
  const pod = preparePod(prefix, `legacy-${round}`);
  const program = join(prefix, "bin/argoexec");
  await measured(`init, ${prefix}`, () => run(program, ["init"], pod));
  await measured(`wait, both phases (and main), ${prefix}`, async () => {
    const main = run(program, ["emissary", "--", "sleep", "0.7"], { ...pod, ARGO_CONTAINER_NAME: "main" });
    const { ARGO_TEMPLATE: _, ...own } = pod;
    await run(program, ["wait", ...apiFlags], { ...own, ARGO_CONTAINER_NAME: "wait" });
    await main;
  });
  rmSync(pod.ARGOEXEC_ROOT, { recursive: true });
}

async function initlessPod(prefix: string, round: number): Promise<void> {
  const pod = { ...preparePod(prefix, `initless-${round}`), ARGO_INITLESS_POD: "true" };
  const program = join(prefix, "bin/argoexec");
  await measured(`supervisor, both phases (and main), ${prefix}`, async () => {
    const own = { ...pod, ARGO_WAIT_FOR_READY: "true", ARGO_CONTAINER_NAME: "main" };
    const main = run(program, ["emissary", "--", "sleep", "0.7"], own);
    await run(program, ["supervisor", ...apiFlags], { ...pod, ARGO_CONTAINER_NAME: "supervisor" });
    await main;
  });
  rmSync(pod.ARGOEXEC_ROOT, { recursive: true });
}

function preparePod(prefix: string, name: string) {
  const folder = join(root, `${name}-${prefixes.indexOf(prefix)}`);
  for (const part of ["var/run/argo", "dev", "bin"]) mkdirSync(join(folder, part), { recursive: true });
  copyFileSync(join(prefix, "bin/argoexec"), join(folder, "bin/argoexec"));
  return {
    PATH: process.env.PATH,
    ARGOEXEC_ROOT: folder,
    ARGO_POD_NAME: name,
    ARGO_POD_UID: `uid-${name}`,
    ARGO_NODE_ID: `${name}-${prefixes.indexOf(prefix)}`,
    ARGO_WORKFLOW_NAME: "bench",
    ARGO_WORKFLOW_UID: "uid-bench",
    ARGO_DEADLINE: "0001-01-01T00:00:00Z",
    ARGO_TEMPLATE: JSON.stringify({ name: "t", container: { image: "any", command: ["sleep"] } }),
  };
}

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (text) => {
    said += text;
  });
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`${program} ${args[0]} ended with ${status}: ${said}`);
}

async function measured(name: string, work: () => Promise<unknown>): Promise<void> {
  const before = childrenCpuMs();
  await work();
  const figures = used.get(name) ?? [];
  used.set(name, [...figures, childrenCpuMs() - before]);
}

/** User and system time of all children so far, from /proc/self/stat (proc(5), fields 16 and 17), to 10 ms each. */
function childrenCpuMs(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
