import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../servers/api-server/index.ts";

const mainScript = resolve(import.meta.dirname, "../../cmd/main.ts");
const listLoaded = resolve(import.meta.dirname, "list-loaded.ts");

/** How `argoexec resource` or `argoexec data` ended. */
export interface Ended {
  readonly code: number;
  /** The termination message; empty for none. */
  readonly message: string;
  readonly log: string;
  readonly endedMs: number;
}

/** A namespace with the API server, and the private root of a main container. */
export class MainDesk {
  readonly api: ApiServer;
  readonly root: string;
  readonly #t: TestContext;

  constructor(t: TestContext, api: ApiServer, root: string) {
    this.#t = t;
    this.api = api;
    this.root = root;
  }

  /** Starts the main container of a template without the emissary around it. */
  start(args: readonly string[], template: object, env: Readonly<Record<string, string>> = {}) {
    const connection = ["--server", this.api.url, "--token", "main", "--namespace", "argo"];
    // A small young generation, as pods have it (scripts/bundle.ts).
    const node = ["--max-semi-space-size=1", "--import", listLoaded];
    const child = spawn(process.execPath, [...node, mainScript, ...args, ...connection], {
      env: {
        PATH: process.env.PATH ?? "",
        ARGOEXEC_ROOT: this.root,
        ARGO_POD_NAME: "pod",
        ARGO_NODE_ID: "node",
        ARGO_WORKFLOW_NAME: "wf",
        ARGO_WORKFLOW_UID: "e257b9a7-d647-4dcc-aa14-a522952c58ca",
        ARGO_DEADLINE: "0001-01-01T00:00:00Z",
        ARGO_TEMPLATE: JSON.stringify({ name: "t", inputs: {}, outputs: {}, ...template }),
        OUTRIDER_LOADED_FILES: join(this.root, "loaded"),
        ...env,
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    this.#t.after(() => child.kill("SIGKILL"));
    const ended = (async (): Promise<Ended> => {
      const [code] = (await once(child, "close")) as [number | null];
      const file = join(this.root, "dev/termination-log");
      const message = existsSync(file) ? readFileSync(file, "utf8") : "";
      return { code: code ?? -1, message, log, endedMs: Date.now() };
    })();
    return { ended, stop: () => child.kill("SIGTERM") };
  }

  resource(action: string, resource: object, more: object = {}, env: Readonly<Record<string, string>> = {}) {
    return this.start(["resource", action], { resource: { action, ...resource }, ...more }, env);
  }

  get taskResult() {
    const ref = { group: "argoproj.io", version: "v1alpha1", resource: "workflowtaskresults" };
    return this.api.find({ ...ref, namespace: "argo", name: "node" });
  }

  get label(): string | undefined {
    return this.taskResult?.metadata.labels?.["workflows.argoproj.io/report-outputs-completed"];
  }

  get parameters(): Readonly<Record<string, unknown>> {
    const { parameters = [] } = (this.taskResult?.outputs ?? {}) as {
      parameters?: { name: string; value?: string }[];
    };
    return Object.fromEntries(parameters.map(({ name, value }) => [name, value]));
  }

  configMap(name: string, data: object, metadata: object = {}): void {
    const resource = { group: "", version: "v1", resource: "configmaps", namespace: "argo" };
    this.api.create(resource, { metadata: { name, ...metadata }, data });
  }

  find(name: string) {
    return this.api.find({ group: "", version: "v1", resource: "configmaps", namespace: "argo", name });
  }

  /** Somebody else's change. */
  async change(name: string, method: "PATCH" | "DELETE", body: object = {}): Promise<number> {
    const answer = await fetch(`${this.api.url}/api/v1/namespaces/argo/configmaps/${name}`, {
      method,
      headers: { "content-type": "application/merge-patch+json", authorization: "Bearer other" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return Date.now();
  }

  /** Our project's files and the packages that the last container loaded. */
  get loaded(): readonly string[] {
    return readFileSync(join(this.root, "loaded"), "utf8").trim().split("\n");
  }

  /** Resident memory of the last container at most, in MiB. */
  get peakMib(): number {
    return Math.round(Number(readFileSync(join(this.root, "loaded-peak"), "utf8")) / 1024);
  }

  file(path: string, content: string): void {
    mkdirSync(join(this.root, path, ".."), { recursive: true });
    writeFileSync(join(this.root, path), content);
  }
}

export async function openDesk(t: TestContext, options: ApiServerOptions = {}): Promise<MainDesk> {
  const users = [
    { token: "main", name: "system:serviceaccount:argo:default" },
    { token: "other", name: "other" },
  ];
  const api = await startApiServer({ users, ...options });
  t.after(() => api[Symbol.asyncDispose]());
  const root = mkdtempSync(join(tmpdir(), "main-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ["dev", "tmp", "var/run/argo"]) mkdirSync(join(root, folder), { recursive: true });
  return new MainDesk(t, api, root);
}

export function manifest(name: string, data = "{state: new}"): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: ${data}\n`;
}
