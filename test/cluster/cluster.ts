import { execFile, spawn } from "node:child_process";
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Prerequisites } from "./prerequisites.ts";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));

/** The names under which users' containers find their image; one Linux root stands for all of them. */
const userImages = [
  "docker.io/library/busybox:latest",
  "docker.io/library/python:alpine3.23",
  "docker.io/alpine/git:v2.26.2",
  "docker.io/library/alpine:3.23",
];
export const executorImage = "localhost/outrider:test";

/** A single-node Kubernetes on loopback (`up`), with the images and objects that workflow pods expect. */
export class Cluster {
  readonly kubeconfig: string;
  readonly #state: string;
  readonly #kubectl: string;

  private constructor(state: string) {
    this.#state = state;
    this.kubeconfig = join(state, "pki", "kubeconfig");
    this.#kubectl = join(state, "bin", "kubectl");
  }

  /** Starts the cluster, or takes over one that runs in `state` already. */
  static async start(tools: Prerequisites, state: string, say: (text: string) => void): Promise<Cluster> {
    await mkdir(state, { recursive: true });
    const cluster = new Cluster(state);
    if (!(await cluster.#isReady())) {
      say(`starting Kubernetes in ${state}`);
      await run(join(here, "up"), [tools.bin, state], { maxBuffer: 1 << 26 });
      await cluster.importImage(tools.pauseRoot, { Entrypoint: ["/pause"] }, ["localhost/pause:1"]);
      await cluster.importImage(tools.userRoot, { Env: ["PATH=/usr/local/bin:/usr/bin:/bin"] }, userImages);
    }
    await cluster.kubectl("apply", "-f", join(here, "objects.yaml"));
    await cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
    await cluster.#untilServed();
    return cluster;
  }

  async kubectl(...args: string[]): Promise<string> {
    const { stdout } = await run(this.#kubectl, args, {
      env: { ...process.env, KUBECONFIG: this.kubeconfig },
      maxBuffer: 1 << 28,
    });
    return stdout;
  }

  /** What kubectl prints, line by line; it is ended with the loop. */
  async *kubectlLines(...args: string[]): AsyncGenerator<string> {
    const env = { ...process.env, KUBECONFIG: this.kubeconfig };
    const running = spawn(this.#kubectl, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    try {
      yield* createInterface({ input: running.stdout });
    } finally {
      running.kill();
    }
  }

  async create(object: object): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "outrider-object-"));
    try {
      const file = join(folder, "object.json");
      await writeFile(file, JSON.stringify(object));
      await this.kubectl("create", "-f", file);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async importImage(root: string, config: object, names: readonly string[]): Promise<void> {
    const ctr = { PATH: `${dirname(this.#kubectl)}:${process.env.PATH}` };
    await run(join(here, "import-images"), [root, JSON.stringify(config), ...names], {
      env: { ...process.env, ...ctr },
      maxBuffer: 1 << 26,
    });
  }

  /** Stops everything and removes the state, with whatever the kubelet and containerd have left mounted in it. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#state, { recursive: true, force: true });
  }

  /** Stops everything; the state stays, for another start. */
  async stop(): Promise<void> {
    await run(join(here, "down"), [this.#state]);
    await sleep(1000);
    const mounts = (await readFile("/proc/self/mounts", "utf8"))
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "");
    const ours = mounts.filter(
      (path) => path.startsWith(`${this.#state}/`) || path.startsWith("/run/outrider-containerd/"),
    );
    for (const path of ours.reverse()) await run("umount", ["-l", path]).catch(() => undefined);
  }

  /** An established definition is not served at once: "storage is (re)initializing". */
  async #untilServed(): Promise<void> {
    const resources = ["workflowtaskresults", "workflowtasksets", "workflowartifactgctasks"];
    for (let tries = 0; tries < 60; tries++) {
      const watches = resources.map((name) =>
        this.kubectl("get", "--raw", `/apis/argoproj.io/v1alpha1/${name}?watch=1&timeoutSeconds=1`),
      );
      if ((await Promise.allSettled(watches)).every(({ status }) => status === "fulfilled")) return;
      await sleep(500);
    }
    throw new Error("the argoproj.io resources are not served after 30 s");
  }

  async #isReady(): Promise<boolean> {
    try {
      await access(this.kubeconfig);
      return (await this.kubectl("get", "node", "node1")).includes(" Ready");
    } catch {
      // Not there, or not any more.
      return false;
    }
  }
}

/** The S3 server that the recorded pods expect: MinIO at 127.0.0.1:9000 with two buckets. */
export async function startMinio(program: string, directory: string): Promise<{ stop(): void }> {
  for (const bucket of ["my-bucket", "my-bucket-2"])
    await mkdir(join(directory, bucket), { recursive: true });
  const server = spawn(program, ["server", directory, "--address", "127.0.0.1:9000"], {
    env: { ...process.env, MINIO_ROOT_USER: "admin", MINIO_ROOT_PASSWORD: "password", MINIO_CI_CD: "1" },
    stdio: "ignore",
  });
  for (let tries = 0; tries < 150; tries++) {
    const answer = await fetch("http://127.0.0.1:9000/minio/health/ready").catch(() => undefined);
    if (answer?.ok) return { stop: () => server.kill() };
    await sleep(100);
  }
  server.kill();
  throw new Error("MinIO did not become ready at 127.0.0.1:9000 within 15 s");
}
