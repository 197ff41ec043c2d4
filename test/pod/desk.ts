import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  type ApiFault,
  type ApiServer,
  type KubeObject,
  type RbacRule,
  startApiServer,
} from "../../src/local/api-server/index.ts";
import { buildPod, type DeskTemplate, podNames } from "../../src/local/index.ts";
import {
  type Container,
  DeskPod,
  type KeyedData,
  type OutputLine,
  type Pod,
  type PodEnd,
  shortTemporaryFolder,
} from "../../src/local/kubelet/index.ts";
import { type ObjectServer, startObjectServer } from "../../src/local/object-server/index.ts";
import type { Outputs } from "../../src/template/index.ts";

/** The installation under test: `npm test` builds it. */
export const program = resolve(import.meta.dirname, "../../dist/bin/argoexec");
const temporary = shortTemporaryFolder(tmpdir());
const token = "the-pod";
export const bucket = "my-bucket";
const keys = { accessKey: "desk", secretKey: "desk-secret" };
/** By name and key, as the recorded pods and ours mount it. */
const secrets: KeyedData = { "my-minio-cred": { accesskey: keys.accessKey, secretkey: keys.secretKey } };

export interface PodOptions {
  readonly isInitless?: boolean;
  /** Some step reads the result. */
  readonly readsResult?: boolean;
  readonly deadlineMs?: number;
  readonly gracePeriodSeconds?: number;
  readonly progressTick?: string;
  /** What the pod's service account may do; everything, if left out. */
  readonly rules?: readonly RbacRule[];
  readonly apiFaults?: readonly ApiFault[];
  /** In the environment of init, wait and supervisor. */
  readonly executorEnv?: Readonly<Record<string, string>>;
  readonly servers?: Servers;
}

/** What is around the pods of a test. */
export interface Servers {
  readonly api: ApiServer;
  readonly store: ObjectServer;
  readonly s3: S3Client;
}

export async function startServers(t: TestContext, options: PodOptions = {}): Promise<Servers> {
  const directory = await mkdtemp(join(temporary, "store-"));
  const { rules, apiFaults } = options;
  const api = await startApiServer({
    token,
    ...(rules ? { rules } : {}),
    ...(apiFaults ? { faults: apiFaults } : {}),
  });
  const store = await startObjectServer({ directory, ...keys });
  store.createBucket(bucket);
  const s3 = new S3Client({
    endpoint: store.url,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
  });
  t.after(async () => {
    s3.destroy();
    await api[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  return { api, store, s3 };
}

/** Starts a pod made of a template, as the controller makes it. */
export async function startPod(
  t: TestContext,
  template: DeskTemplate,
  options: PodOptions = {},
): Promise<TestPod> {
  const servers = options.servers ?? (await startServers(t, options));
  const named = { name: "step", ...template };
  const manifest = {
    template: named,
    workflow: { metadata: { name: "wf" }, spec: {} },
    isEntrypoint: true,
    readsResult: options.readsResult ?? false,
    secrets,
    configMaps: {},
  };
  const names = podNames(manifest);
  const repository = { s3: location(servers.store) };
  const pod = buildPod({ manifest, template: named, names, repository, ...builderOptions(options) });
  return runManifest(t, pod, servers, options.executorEnv);
}

function builderOptions({ isInitless, deadlineMs, gracePeriodSeconds, progressTick }: PodOptions) {
  return {
    ...(isInitless ? { isInitless } : {}),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(progressTick === undefined ? {} : { progressTick }),
  };
}

/** The repository's location, as templates have it. */
export function location(store: ObjectServer) {
  return {
    endpoint: store.endpoint,
    bucket,
    region: "us-east-1",
    insecure: true,
    accessKeySecret: { name: "my-minio-cred", key: "accesskey" },
    secretKeySecret: { name: "my-minio-cred", key: "secretkey" },
  };
}

/** Starts any pod manifest. */
export async function runManifest(
  t: TestContext,
  pod: Pod,
  servers: Servers,
  executorEnv: Readonly<Record<string, string>> = {},
): Promise<TestPod> {
  const lines: OutputLine[] = [];
  const desk = await DeskPod.prepare({
    pod,
    program,
    temporary,
    baseEnv: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/" },
    executorArgs: ["--server", servers.api.url, "--token", token, "--namespace", "argo"],
    executorEnv,
    secrets,
    configMaps: {},
    onLine: (line) => lines.push(line),
  });
  t.after(async () => {
    await desk[Symbol.asyncDispose]();
    if (process.env.POD_LOGS) for (const line of lines) console.log(line.container, line.text);
  });
  return new TestPod(pod, desk, servers, lines);
}

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
    const folder = await mkdtemp(join(temporary, "tgz-"));
    try {
      const file = join(folder, "artifact.tgz");
      await writeFile(file, await this.stored(name));
      const tree = join(folder, "tree");
      await mkdir(tree);
      execFileSync("tar", ["-xzf", file, "-C", tree]);
      const names = execFileSync(
        "find",
        [".", "-mindepth", "1", "(", "-type", "d", "-printf", "%P/\\n", "-o", "-printf", "%P\\n", ")"],
        { cwd: tree, encoding: "utf8" },
      );
      const entries = names.trim().split("\n").sort();
      return Object.fromEntries(
        await Promise.all(
          entries.map(async (entry) =>
            entry.endsWith("/")
              ? [entry.slice(0, -1), "/"]
              : [entry, await readFile(join(tree, entry), "utf8")],
          ),
        ),
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

export async function getObject({ s3 }: Servers, key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

export async function putObject({ s3 }: Servers, key: string, content: string | Buffer): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));
}

export async function storedKeys({ s3 }: Servers): Promise<readonly string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Contents.map(({ Key = "" }) => Key);
}

/** A container template that runs a shell script. */
export function shell(script: string, rest: Partial<DeskTemplate> = {}): DeskTemplate {
  return {
    ...rest,
    container: { image: "busybox", command: ["sh", "-c"], args: [script], ...rest.container },
  };
}

/** Makes a file that appears in a container's root, with its folders. */
export async function place(pod: TestPod, container: string, path: string, content: string): Promise<void> {
  const full = pod.path(container, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
}

/** Waits for a condition that no event tells of. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Resolves when a container's file is there. */
export async function untilFile(pod: TestPod, container: string, path: string): Promise<void> {
  await until(`${path} in ${container}`, () => existsSync(pod.path(container, path)));
}
