// What the container of each role takes of CPU and memory, over TLS as in a cluster, in turns with bare Node, with kubectl
// where test/cluster has built one, and with other installations: `npm run bench -- roles [--write] [ROUNDS] [PREFIX...]`, such
// as another checkout's dist. Then how long after its condition a resource step ends. `--write` puts both into
// docs/performance.md. Needs dist/ (npm run build).
import "./ready.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ApiServer } from "../desk/api-server/index.ts";
import { ObjectServer } from "../desk/object-server/index.ts";
import { pluginInitRole, servePlugin } from "../scripts/keep-plugin.ts";
import { cacheDirectory } from "../test/cluster/prerequisites.ts";
import { expectSection, measuredOn, median, percentile, table, writeSection } from "./report.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
if (values.write) expectSection("docs/performance.md", "roles");
const [rounds = "10", ...others] = positionals;
const prefixes = ["dist", ...others].map((prefix) => resolve(prefix));
// Short: sockets lie below it.
const top = mkdtempSync("/tmp/roles-");
const token = "bench-token";
await using api = await ApiServer.start({ tls: true, token });
await using store = await ObjectServer.start({
  directory: join(top, "store"),
  accessKey: "access",
  secretKey: "secret-key",
});
const authority = join(top, "ca.crt");
writeFileSync(authority, api.certificate ?? "");
const connection = [
  ...["--server", api.url, "--token", token, "--namespace", "argo"],
  ...["--certificate-authority", authority],
];
const kubectl = join(cacheDirectory(), "bin/kube-all");
const web = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1");
await once(web, "listening");
const collecting = spawn("dist/lib/argoexec/node", ["bench/otlp-collector.ts"], {
  stdio: ["pipe", "pipe", "inherit"],
});
const [ports] = (await once(collecting.stdout, "data")) as [Buffer];
const [httpPort, grpcPort] = ports.toString().trim().split(" ");
const collector = { http: httpPort, grpc: grpcPort };
const s3 = {
  ...{ endpoint: `127.0.0.1:${store.port}`, insecure: true, bucket: "bench", region: "us-east-1" },
  accessKeySecret: { name: "keys", key: "access" },
  secretKeySecret: { name: "keys", key: "secret" },
};
const yaml = (name: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  labels: {app: bench}\ndata:\n  state: ready\n`;
const json = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"there"}}';
const kinds = { group: "", version: "v1", resource: "configmaps", namespace: "argo" };
api.create(kinds, { metadata: { name: "there" }, data: { state: "ready" } } as never);

/** What one container used. */
interface Usage {
  readonly cpuMs: number;
  readonly peakMib: number;
  readonly anonymousMib: number;
}

interface Role {
  readonly name: string;
  readonly args: readonly string[];
  readonly template?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** Done while it runs, and what ends it where it does not end by itself. */
  readonly meanwhile?: () => Promise<void>;
}

const resourceRole = (name: string, action: string, resource: object, outputs = {}): Role => ({
  name: `resource ${name}`,
  args: ["resource", action],
  template: { resource: { action, ...resource }, outputs },
});
const outputs = { parameters: [{ name: "state", valueFrom: { jsonPath: "{.data.state}" } }] };
const artifactPaths = { s3: { ...s3, key: "in" } };
let made = 0;

/** Anew for each run: what was made once cannot be made again. */
function rolesNow(): readonly Role[] {
  made += 1;
  return [
    resourceRole("get, by flags", "get", { flags: ["configmap", "there"] }),
    resourceRole("get, JSON", "get", { manifest: json }),
    ...tracedRoles(),
    resourceRole("get, YAML", "get", { manifest: yaml("there") }),
    resourceRole("get, YAML, with an output by jsonPath", "get", { manifest: yaml("there") }, outputs),
    resourceRole("create, YAML", "create", { manifest: yaml(`made-${made}`) }),
    { name: "data that lists", args: ["data", "{}"], template: { data: { source: { artifactPaths } } } },
    {
      name: "data that transforms",
      args: ["data", "{}"],
      template: {
        data: {
          source: { artifactPaths },
          transformation: [{ expression: "filter(data, # endsWith '1')" }],
        },
      },
    },
    garbageRole(`gc-${made}`),
    agentRole(`wf-${made}`),
    pluginRole(),
  ];
}

/** What a controller of Argo 4.1 gives every step, and what switches tracing on besides. */
function tracedRoles(): readonly Role[] {
  const off = { TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
  const endpoint = (port: string | undefined) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  });
  const http = { ...off, ...endpoint(collector.http), OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" };
  const role = resourceRole("get, JSON", "get", { manifest: json });
  return [
    { ...role, name: "the same, in a trace that nobody asks for", env: off },
    { ...role, name: "the same, traced over http/protobuf", env: http },
    { ...role, name: "the same, traced over gRPC", env: { ...off, ...endpoint(collector.grpc) } },
  ];
}

function garbageRole(label: string): Role {
  const tasks = { group: "argoproj.io", version: "v1alpha1", resource: "workflowartifactgctasks" };
  const artifact = { name: "a", s3: { ...s3, key: "gone" } };
  api.create({ ...tasks, namespace: "argo" }, {
    metadata: { name: label, labels: { "workflows.argoproj.io/artifact-gc-pod": label } },
    spec: { artifactsByNode: { node: { artifacts: { a: artifact } } } },
  } as never);
  const env = { ARGO_ARTIFACT_POD_NAME: label };
  return { name: "artifact delete, one artifact", args: ["artifact", "delete"], env };
}

function agentRole(workflow: string): Role {
  const sets = { group: "argoproj.io", version: "v1alpha1", resource: "workflowtasksets", namespace: "argo" };
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
  api.create(sets, {
    metadata: { name: workflow },
    spec: { tasks: { task: { name: "t", http: { url } } } },
  } as never);
  return {
    name: "agent, one HTTP task",
    args: ["agent", "main"],
    env: { ARGO_WORKFLOW_NAME: workflow },
    meanwhile: async () => {
      const isDone = (object: object) => JSON.stringify(object).includes('"Succeeded"');
      await api.waitForState({ ...sets, name: workflow }, isDone, AbortSignal.timeout(60_000));
      const body = { metadata: { labels: { "workflows.argoproj.io/completed": "true" } } };
      await patch(`/apis/argoproj.io/v1alpha1/namespaces/argo/workflowtasksets/${workflow}`, body);
    },
  };
}

/** The plugin stands beside it: its CPU is none of ours. */
function pluginRole(): Role {
  const { args, template } = pluginInitRole;
  return { name: "artifact-plugin-init, one input", args, template };
}

const environment = {
  PATH: process.env.PATH ?? "",
  ARGO_POD_NAME: "pod",
  ARGO_NODE_ID: "node",
  ARGO_WORKFLOW_NAME: "wf",
  ARGO_WORKFLOW_UID: "e257b9a7-d647-4dcc-aa14-a522952c58ca",
  ARGO_DEADLINE: "0001-01-01T00:00:00Z",
};

/** A container's own root, with the secrets that the controller mounts. */
function newRoot(): string {
  const root = mkdtempSync(join(top, "r"));
  const folders = [
    "dev",
    "tmp/artifact-plugins/demo",
    "var/run/argo",
    "argo/secret/keys",
    "argo/inputs/artifacts",
  ];
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "argo/secret/keys/access"), "access");
  writeFileSync(join(root, "argo/secret/keys/secret"), "secret-key");
  return root;
}

function start(prefix: string, { args, template, env = {} }: Role, root: string) {
  const text = JSON.stringify({ name: "t", inputs: {}, outputs: {}, ...template });
  const at = args.indexOf("--");
  const own = at < 0 ? [...args, ...connection] : args;
  return spawn(join(prefix, "bin/argoexec"), own, {
    env: { ...environment, ARGOEXEC_ROOT: root, ARGO_TEMPLATE: text, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
}

async function run(prefix: string, role: Role): Promise<Usage> {
  const root = newRoot();
  const server =
    role.args[0] === "artifact-plugin-init" ? await servePlugin(root, join(root, "tmp/socket")) : undefined;
  try {
    return await measured(start(prefix, role, root), role);
  } finally {
    server?.close();
    rmSync(root, { recursive: true });
  }
}

async function measured(child: ReturnType<typeof spawn>, role?: Role): Promise<Usage> {
  const before = childrenCpuMs();
  let [said, peakKib, anonymousKib] = ["", 0, 0];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const sampler = setInterval(() => {
    const statuses = withChildren(child.pid ?? 0).map(statusOf);
    const sum = (field: string) => statuses.reduce((total, status) => total + kibOf(status, field), 0);
    peakKib = Math.max(peakKib, sum("VmHWM"));
    anonymousKib = Math.max(anonymousKib, sum("RssAnon"));
  }, 5);
  const closed = once(child, "close");
  await role?.meanwhile?.();
  const [status] = await closed;
  clearInterval(sampler);
  if (status !== 0) throw new Error(`${role?.name ?? child.spawnfile} ended with ${status}: ${said}`);
  return { cpuMs: childrenCpuMs() - before, peakMib: peakKib / 1024, anonymousMib: anonymousKib / 1024 };
}

/** The static program stays for some roles, with Node as its child. */
function withChildren(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return [pid, ...children.split(" ").filter(Boolean).map(Number)];
  } catch {
    // It has ended.
    return [];
  }
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // It has ended.
    return "";
  }
}

function kibOf(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}

/** User and system time of all children so far, from /proc/self/stat (proc(5), fields 16 and 17), to 10 ms each. */
function childrenCpuMs(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

async function patch(path: string, body: object): Promise<void> {
  const headers = { "content-type": "application/merge-patch+json", authorization: `Bearer ${token}` };
  const options = { method: "PATCH", headers, ca: api.certificate, agent: false } as const;
  const sent = request(new URL(path, api.url), options).end(JSON.stringify(body));
  const [response] = await once(sent, "response");
  response.resume();
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`PATCH ${path} was answered ${response.statusCode}`);
}

async function fillStore(): Promise<void> {
  store.createBucket("bench");
  const client = new S3Client({
    ...{ endpoint: `http://127.0.0.1:${store.port}`, region: "us-east-1", forcePathStyle: true },
    credentials: { accessKeyId: "access", secretAccessKey: "secret-key" },
  });
  for (const key of ["in/1", "in/2", "in/3"]) {
    await client.send(new PutObjectCommand({ Bucket: "bench", Key: key, Body: key }));
  }
  client.destroy();
}

/** From the answer to the change that meets the condition to the end of the step's process. */
async function latencyMs(prefix: string, round: number): Promise<number> {
  const name = `waited-${round}`;
  api.create(kinds, { metadata: { name }, data: { state: "new" } } as never);
  const root = newRoot();
  const resource = {
    manifest: yaml(name).replace(/^data:.*/ms, ""),
    successCondition: "data.state == ready",
  };
  const child = start(prefix, resourceRole("", "get", resource), root);
  const ended = once(child, "close");
  let said = "";
  for await (const text of child.stderr?.setEncoding("utf8") ?? []) {
    said += text;
    if (said.includes("waiting for the resource's conditions")) break;
  }
  await patch(`/api/v1/namespaces/argo/configmaps/${name}`, { data: { state: "ready" } });
  const changed = performance.now();
  const [status] = await ended;
  if (status !== 0) throw new Error(`the step ended with ${status}: ${said}`);
  rmSync(root, { recursive: true });
  return performance.now() - changed;
}

/** Which installation, where there are several. */
function suffix(prefix: string): string {
  return prefixes.length > 1 ? `, ${prefix}` : "";
}

const used = new Map<string, Usage[]>();
function note(name: string, usage: Usage): void {
  used.set(name, [...(used.get(name) ?? []), usage]);
}

function summary(figures: readonly number[], digits = 0): string {
  const mean = figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
  return mean.toFixed(digits);
}

try {
  await fillStore();
  const empty = join(top, "empty.cjs");
  writeFileSync(empty, "");
  for (let round = 0; round < Number(rounds); round++) {
    note("bare Node", await measured(spawn("dist/lib/argoexec/node", [empty], { stdio: "ignore" })));
    if (existsSync(kubectl)) {
      const args = ["get", "configmap", "there", "-o", "json", ...connection, "--cache-dir", newRoot()];
      const child = spawn(kubectl, args, { argv0: "kubectl", stdio: ["ignore", "ignore", "pipe"] });
      note("for comparison: kubectl get configmap", await measured(child));
    }
    for (const prefix of prefixes) {
      for (const role of rolesNow()) note(`${role.name}${suffix(prefix)}`, await run(prefix, role));
    }
  }
  const rows = [...used].map(([name, usages]) => {
    const of = (field: keyof Usage) => summary(usages.map((usage) => usage[field]));
    return [name, of("cpuMs"), of("peakMib"), of("anonymousMib")];
  });
  const usage = table(["", "CPU ms", "peak MiB resident", "of these anonymous"], rows);
  console.log(`means of ${rounds}\n${usage}`);
  const latencies = prefixes.map((): number[] => []);
  for (let round = 0; round < 2 * Number(rounds); round++) {
    for (const [index, prefix] of prefixes.entries()) {
      latencies[index]?.push(await latencyMs(prefix, round * prefixes.length + index));
    }
  }
  const said = prefixes.map((prefix, index) => {
    const figures = latencies[index] ?? [];
    const [middle, ninth, most] = [median(figures), percentile(figures, 0.9), Math.max(...figures)].map(
      (figure) => figure.toFixed(0),
    );
    return `From the condition to the exit${suffix(prefix)}: median ${middle}, p90 ${ninth}, most ${most} ms of ${figures.length}.`;
  });
  console.log(said.join("\n"));
  if (values.write) {
    const notes = `${measuredOn(["npm run bench -- roles", ...positionals].join(" "))} Means of ${rounds}, in turns.`;
    writeSection("docs/performance.md", "roles", [notes, usage, ...said].join("\n\n"));
  }
} finally {
  web.closeAllConnections();
  web.close();
  collecting.kill();
  rmSync(top, { recursive: true, force: true });
}
