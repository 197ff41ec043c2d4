import { join } from "node:path";
import type { Container, DeskPod, OutputLine, Pod, PodEnd } from "../../desk/kubelet/index.ts";
import type { Outputs } from "../../src/template/index.ts";
import type { KubeObject } from "../servers/api-server/index.ts";
import { getObject, type Servers } from "./servers.ts";
import { unpackTgz } from "./unpack.ts";

/** A pod that runs, and what the controller, the store and a reader of logs see of it. */
export class TestPod {
  readonly desk: DeskPod;
  readonly servers: Servers;
  readonly ended: Promise<PodEnd>;
  readonly nodeId: string;
  readonly #lines: readonly OutputLine[];

  constructor(pod: Pod, desk: DeskPod, servers: Servers, lines: readonly OutputLine[]) {
    this.desk = desk;
    this.servers = servers;
    this.#lines = lines;
    this.nodeId = pod.metadata.annotations?.["workflows.argoproj.io/node-id"] ?? "";
    this.ended = desk.run();
    this.ended.catch(() => undefined);
  }

  container(name: string): Container {
    return this.desk.container(name);
  }

  /** A file in a container's private root. */
  path(container: string, path: string): string {
    return join(this.desk.root, container, path);
  }

  /** Exit codes by container. */
  async codes(): Promise<Record<string, number>> {
    const { containers } = await this.ended;
    return Object.fromEntries([...containers].map(([name, { exitCode }]) => [name, exitCode]));
  }

  /** A container's termination message, with the paths of the manifest. */
  async message(container: string): Promise<string> {
    const { containers } = await this.ended;
    return this.desk.restore(containers.get(container)?.message ?? "");
  }

  /** What a container has printed so far, without the executor's own lines. */
  printed(container: string): string {
    const own = this.#lines.filter(
      (line) => line.container === container && !line.text.includes("argo=true"),
    );
    return own.map(({ text }) => `${this.desk.restore(text)}\n`).join("");
  }

  /** Everything a container has printed. */
  log(container: string): string {
    return this.#lines
      .filter((line) => line.container === container)
      .map(({ text }) => `${text}\n`)
      .join("");
  }

  taskResult(): KubeObject | undefined {
    const { api } = this.servers;
    const ref = { group: "argoproj.io", version: "v1alpha1", resource: "workflowtaskresults" };
    const found = api.find({ ...ref, namespace: "argo", name: this.nodeId });
    return found && (JSON.parse(this.desk.restore(JSON.stringify(found))) as KubeObject);
  }

  states(): readonly KubeObject[] {
    return this.servers.api.states("workflowtaskresults", "argo", this.nodeId);
  }

  waitForState(accept: (state: KubeObject) => boolean): Promise<KubeObject> {
    const ref = { resource: "workflowtaskresults", namespace: "argo", name: this.nodeId };
    return this.servers.api.waitForState(ref, accept, AbortSignal.timeout(20_000));
  }

  isCompleted(): boolean {
    return this.taskResult()?.metadata.labels?.["workflows.argoproj.io/report-outputs-completed"] === "true";
  }

  outputs(): Outputs {
    return (this.taskResult()?.outputs ?? {}) as Outputs;
  }

  parameters(): Record<string, unknown> {
    return Object.fromEntries((this.outputs().parameters ?? []).map(({ name, value }) => [name, value]));
  }

  /** The names of the artifacts that were reported. */
  saved(): readonly string[] {
    return (this.outputs().artifacts ?? []).map(({ name }) => name);
  }

  /** The bytes stored for a reported artifact. */
  async stored(name: string): Promise<Buffer> {
    const artifact = this.outputs().artifacts?.find((one) => one.name === name);
    const key = artifact?.s3?.key;
    if (!key) throw new Error(`no artifact ${name} was reported`);
    return getObject(this.servers, key);
  }

  /** The text of the files in a stored tgz, by name; folders have the value "/". */
  async unpacked(name: string): Promise<Record<string, string>> {
    return unpackTgz(await this.stored(name));
  }
}
