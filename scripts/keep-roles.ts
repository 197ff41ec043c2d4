import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import type { DeskServers } from "../desk/desk-servers.ts";
import type { SecretSelector } from "../src/template/index.ts";
import { pluginInitRole, serveCollector, servePlugin } from "./keep-plugin.ts";

/** A container of a role that is no step's: what it is started with, and what ends it where nothing else does. */
interface Role {
  readonly args: readonly string[];
  readonly template?: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly meanwhile?: () => Promise<void>;
  /** What runs beside it, at a socket. */
  readonly besides?: (root: string, socket: string) => Promise<{ close(): void }>;
  /** True for those who are told of no cluster. */
  readonly isAlone?: true;
}

const argo = { group: "argoproj.io", version: "v1alpha1", namespace: "argo" };
const manifest = (name: string, state: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name} # the object\n  labels: {app: "code"}\ndata:\n  state: ${state}\n`;
const parameters = [
  { name: "path", valueFrom: { jsonPath: "{.data.state}" } },
  { name: "filter", valueFrom: { jqFilter: ".data.state" } },
];

/**
 * Runs main containers of resource and data templates, the agent, artifact garbage collection and the init container of
 * an artifact plugin. Where two of one role use the same file, the code that the later one has called is kept.
 * @param program `PREFIX/bin/argoexec` of an installation that writes down what it compiles
 */
export async function runRoles(program: string, folder: string, servers: DeskServers): Promise<void> {
  const roles = [
    ...["apply", "apply", "patch", "replace", "delete"].map((action) =>
      resource(action, { manifest: manifest("one", "new") }),
    ),
    resource("get", { flags: ["configmaps"] }),
    // More YAML than most manifests have: the package for all of it.
    resource("get", { manifest: manifest("one", "&state new"), flags: ["--ignore-not-found"] }),
    // What most templates do comes last: create, or look, wait, and report.
    resource("create", { manifest: manifest("two", "ready") }),
    resource("get", { manifest: manifest("two", ""), successCondition: "data.state == ready" }, parameters),
    data(servers, ["filter(data, # endsWith '.csv')", "map(data, upper(#))"]),
    data(servers, []),
    garbage(servers),
  ];
  await withCollector((env) => runRole(program, folder, servers, { ...data(servers, []), env }));
  for (const role of roles) await runRole(program, folder, servers, role);
  await runRole(program, folder, servers, { ...pluginInitRole, besides: servePlugin });
  for (const role of syncs(folder, servers)) await runRole(program, folder, servers, role);
  await withAgent(servers, (role) => runRole(program, folder, servers, role));
}

function resource(action: string, of: object, outputs: readonly object[] = []): Role {
  const template = { resource: { action, ...of }, outputs: { parameters: outputs } };
  return { args: ["resource", action], template };
}

function data({ repository }: DeskServers, expressions: readonly string[]): Role {
  const transformation = expressions.map((expression) => ({ expression }));
  const artifactPaths = { s3: { bucket: repository.location.s3?.bucket } };
  const archiveLocation = { s3: { ...repository.location.s3, key: "code" } };
  const template = { data: { source: { artifactPaths }, transformation }, archiveLocation };
  return { args: ["data", "{}"], template };
}

function garbage({ api, repository }: DeskServers): Role {
  const artifact = { name: "a", s3: { ...repository.location.s3, key: "gone" } };
  api.create(
    { ...argo, resource: "workflowartifactgctasks" },
    {
      metadata: { name: "code", labels: { "workflows.argoproj.io/artifact-gc-pod": "code" } },
      spec: { artifactsByNode: { node: { artifacts: { a: artifact } } } },
    },
  );
  return { args: ["artifact", "delete"], env: { ARGO_ARTIFACT_POD_NAME: "code" } };
}

/** From a folder into a bucket, and to another one, which has another name for its host: objects are relayed then. */
function syncs(folder: string, { repository }: DeskServers): readonly Role[] {
  const { endpoint = "", bucket = "", accessKeySecret, secretKeySecret } = repository.location.s3 ?? {};
  const secretOf = ({ name = "", key = "" }: SecretSelector = {}) => repository.secrets[name]?.[key] ?? "";
  const env = {
    AWS_ACCESS_KEY_ID: secretOf(accessKeySecret),
    AWS_SECRET_ACCESS_KEY: secretOf(secretKeySecret),
  };
  const source = join(folder, "synced");
  mkdirSync(source);
  for (const [name, bytes] of [
    ["small", 1000],
    ["large", 5 * 1024 * 1024],
  ] as const)
    writeFileSync(join(source, name), Buffer.alloc(bytes, name));
  const url = (prefix: string, host: string) => `s3://${bucket}/${prefix}?endpoint=http://${host}`;
  const other = endpoint.replace("127.0.0.1", "localhost");
  const sync = (from: string, to: string): Role => ({ args: ["sync", "run", from, to], env, isAlone: true });
  return [
    sync(`file://${source}`, url("synced", endpoint)),
    sync(url("synced", endpoint), url("copied", other)),
  ];
}

/** The packages that trace are the same for every role. */
async function withCollector(run: (env: Readonly<Record<string, string>>) => Promise<void>): Promise<void> {
  const collector = await serveCollector();
  const { port } = collector.address() as AddressInfo;
  try {
    // Always more than the first buffer of the package holds: whether it has to grow would depend on the time that all took.
    const resource = `text=${"x".repeat(100_000)}`;
    await run({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_RESOURCE_ATTRIBUTES: resource,
    });
  } finally {
    collector.close();
  }
}

/** An agent with one task, which ends when the controller says that no more will come. */
async function withAgent(servers: DeskServers, run: (role: Role) => Promise<void>): Promise<void> {
  const web = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1");
  await once(web, "listening");
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
  const sets = { ...argo, resource: "workflowtasksets" };
  const tasks = { task: { name: "t", http: { url, successCondition: "response.statusCode == 200" } } };
  servers.api.create(sets, { metadata: { name: "code" }, spec: { tasks } });
  const meanwhile = async () => {
    const isDone = (object: object) => JSON.stringify(object).includes('"Succeeded"');
    await servers.api.waitForState({ ...sets, name: "code" }, isDone, AbortSignal.timeout(60_000));
    const path = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflowtasksets/code";
    const [, , , token = ""] = servers.apiFlags;
    const answer = await fetch(`${servers.api.url}${path}`, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ metadata: { labels: { "workflows.argoproj.io/completed": "true" } } }),
    });
    if (!answer.ok) throw new Error(`PATCH ${path}: ${answer.status}`);
  };
  try {
    await run({ args: ["agent", "main"], env: { ARGO_WORKFLOW_NAME: "code" }, meanwhile });
  } finally {
    web.closeAllConnections();
    web.close();
  }
}

async function runRole(program: string, folder: string, servers: DeskServers, role: Role): Promise<void> {
  const root = mkdtempSync(join(folder, "role-"));
  for (const made of ["dev", "tmp", "var/run/argo"]) mkdirSync(join(root, made), { recursive: true });
  for (const [name, values] of Object.entries(servers.repository.secrets)) {
    for (const [key, value] of Object.entries(values)) {
      const file = join(root, "argo/secret", name, key);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, value);
    }
  }
  const beside = await role.besides?.(root, join(root, "tmp/socket"));
  const flags = role.besides || role.isAlone ? [] : servers.apiFlags;
  const child = spawn(program, [...role.args, ...flags], {
    env: {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      ARGOEXEC_ROOT: root,
      ARGO_POD_NAME: "code",
      ARGO_NODE_ID: "code",
      ARGO_WORKFLOW_NAME: "code",
      ARGO_WORKFLOW_UID: "code",
      ARGO_DEADLINE: "0001-01-01T00:00:00Z",
      ARGO_TEMPLATE: JSON.stringify({ name: "code", inputs: {}, outputs: {}, ...role.template }),
      ...role.env,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const closed = once(child, "close");
  await role.meanwhile?.();
  const [status] = (await closed) as [number | null];
  beside?.close();
  if (status !== 0) throw new Error(`${role.args.join(" ")} ended with ${status}: ${said}`);
}
