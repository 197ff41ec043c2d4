import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import {
  type ApiServer,
  type ApiServerOptions,
  type KubeObject,
  startApiServer,
} from "../servers/api-server/index.ts";

export const mainScript = resolve(import.meta.dirname, "../../cmd/main.ts");
export const namespace = "argo";
export const workflow = "wf";
export const workflowUid = "e257b9a7-d647-4dcc-aa14-a522952c58ca";
const resource = { group: "argoproj.io", version: "v1alpha1", resource: "workflowtasksets" };
const ref = { ...resource, namespace, name: workflow };

/** What the published roles grant an agent, and the secrets that a cluster's administrator adds. */
export const agentRules = [
  { verbs: ["list", "watch"], resources: ["workflowtasksets"] },
  { verbs: ["patch"], resources: ["workflowtasksets/status"] },
  { verbs: ["get"], resources: ["secrets"] },
];

export interface NodeState {
  readonly phase?: string;
  readonly message?: string;
  readonly outputs?: { readonly result?: string; readonly [field: string]: unknown };
  readonly progress?: string;
}

export type Tasks = Readonly<Record<string, unknown>>;

/** A namespace with one workflow's task set, and a volume on which its agents keep what they know. */
export class AgentDesk {
  readonly api: ApiServer;
  readonly root: string;
  readonly #t: TestContext;

  constructor(t: TestContext, api: ApiServer, root: string) {
    this.#t = t;
    this.api = api;
    this.root = root;
  }

  createTaskSet(tasks: Tasks, more: object = {}): void {
    this.api.create(
      { ...resource, namespace },
      {
        metadata: {
          name: workflow,
          ownerReferences: [
            { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: workflow, uid: workflowUid },
          ],
        },
        spec: { tasks },
        ...more,
      },
    );
  }

  /** As the controller does: a merge patch of the object, or of its status. */
  async patch(body: object, subresource = ""): Promise<void> {
    const path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflowtasksets/${workflow}${subresource}`;
    const { host, hostname, port } = new URL(this.api.url);
    // A connection of its own: kept ones do not outlive a pause of the server.
    const request = httpRequest({
      method: "PATCH",
      hostname,
      port,
      path,
      agent: false,
      headers: { host, "content-type": "application/merge-patch+json", authorization: "Bearer controller" },
    });
    request.end(JSON.stringify(body));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const answer = Buffer.concat(await response.toArray()).toString();
    if (response.statusCode !== 200) throw new Error(`the controller's patch failed: ${answer}`);
  }

  async addTasks(tasks: Tasks): Promise<void> {
    await this.patch({
      metadata: { labels: { "workflows.argoproj.io/completed": "false" } },
      spec: { tasks },
    });
  }

  /** Ends the workflow: agents go. */
  async complete(): Promise<void> {
    await this.patch({ metadata: { labels: { "workflows.argoproj.io/completed": "true" } } });
  }

  get nodes(): Readonly<Record<string, NodeState>> {
    const status = this.api.find(ref)?.status as { nodes?: Record<string, NodeState> } | undefined;
    return status?.nodes ?? {};
  }

  /** The first state in which the node has an end, or whatever `accept` asks for. */
  async nodeState(
    nodeId: string,
    accept: (state: NodeState) => boolean = ({ phase }) =>
      !["Pending", "Running"].includes(phase ?? "Pending"),
  ): Promise<NodeState> {
    const nodeOf = (object: KubeObject) =>
      (object.status as { nodes?: Record<string, NodeState> } | undefined)?.nodes?.[nodeId];
    const object = await this.api.waitForState(
      { ...ref, resource: "workflowtasksets" },
      (state) => accept(nodeOf(state) ?? {}),
      AbortSignal.timeout(30_000),
    );
    return nodeOf(object) ?? {};
  }

  /** Bodies of the agent's patches, oldest first. */
  get patches(): readonly string[] {
    return this.api.requests
      .filter(({ method, path }) => method === "PATCH" && path.endsWith("/status"))
      .map(({ body }) => body);
  }

  /** Starts `argoexec agent main`, as the controller's pod does. */
  startAgent(
    options: { readonly env?: Readonly<Record<string, string>>; readonly args?: readonly string[] } = {},
  ) {
    return new AgentProcess(this.#t, this, options);
  }
}

/** A running `agent main`. */
export class AgentProcess {
  readonly #child: ChildProcess;
  #log = "";

  constructor(
    t: TestContext,
    desk: AgentDesk,
    {
      env = {},
      args = [],
    }: { readonly env?: Readonly<Record<string, string>>; readonly args?: readonly string[] },
  ) {
    const api = ["--server", desk.api.url, "--token", "agent", "--namespace", namespace];
    this.#child = spawn(
      process.execPath,
      [mainScript, "agent", "main", "--loglevel", "info", ...api, ...args],
      {
        env: {
          PATH: process.env.PATH ?? "",
          ARGOEXEC_ROOT: desk.root,
          ARGO_WORKFLOW_NAME: workflow,
          ARGO_WORKFLOW_UID: workflowUid,
          ARGO_AGENT_PATCH_RATE: "10s",
          ARGO_PLUGIN_ADDRESSES: "null",
          ARGO_PLUGIN_NAMES: "null",
          ...env,
        },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
    t.after(() => this.kill());
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get log(): string {
    return this.#log;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Exit status, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    return this.#child.exitCode ?? this.#child.signalCode ?? 0;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended();
  }
}

export async function openDesk(t: TestContext, options: ApiServerOptions = {}): Promise<AgentDesk> {
  const users = [
    { token: "controller", name: "controller" },
    { token: "agent", name: "system:serviceaccount:argo:default", rules: agentRules },
  ];
  const api = await startApiServer({ users, ...options });
  t.after(() => api[Symbol.asyncDispose]());
  const root = mkdtempSync(join(tmpdir(), "agent-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "var/run/argo"), { recursive: true });
  mkdirSync(join(root, "dev"));
  return new AgentDesk(t, api, root);
}

/** A web server on a free port of 127.0.0.1. */
export async function startWeb(
  t: TestContext,
  listener: RequestListener,
): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** A task as the controller writes it. */
export function httpTask(http: object, more: object = {}): object {
  return { name: "t", inputs: {}, outputs: {}, metadata: {}, http, ...more };
}
