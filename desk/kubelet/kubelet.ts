import { existsSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError } from "../../src/errors/index.ts";
import { parseTemplate, type Template } from "../../src/template/index.ts";
import { Container, type ContainerEnd, type ContainerProgram, type OutputLine } from "./container.ts";
import { containerEnvironment, expand, type Sources } from "./environment.ts";
import { declaredPaths, mapTemplate, PathMap } from "./path-map.ts";
import type { ContainerSpec, Mount, Pod } from "./pod.ts";
import { removeTree } from "./remove-tree.ts";
import { Volumes } from "./volumes.ts";
import { startWatchdog } from "./watchdog.ts";

export interface KubeletOptions extends Sources {
  readonly pod: Pod;
  /** The static program, in an installation (`PREFIX/bin/argoexec`). */
  readonly program: string;
  /** Where private folders are made; short, because paths of unix sockets end at 107 bytes. */
  readonly temporary: string;
  /** What every container has besides its own: PATH, HOME, TERM. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Appended to the commands of executor containers, as a controller's `executor.args`. */
  readonly executorArgs: readonly string[];
  /** Comes last in the environment of executor containers. */
  readonly executorEnv?: Readonly<Record<string, string>>;
  readonly onLine?: (line: OutputLine) => void;
  /** The private folder stays when the pod is disposed of. */
  readonly keepsFolder?: boolean;
}

/** How a pod ended. */
export interface PodEnd {
  readonly phase: "Succeeded" | "Failed";
  /** Containers that never started are absent. */
  readonly containers: ReadonlyMap<string, ContainerEnd>;
  /** Why the kubelet ended it; undefined for a pod that ended by itself. */
  readonly message: string | undefined;
}

const gracePeriodDefaultSeconds = 30;
const socketPathMax = 107;

/**
 * Runs a pod's containers as plain processes in a private folder: no namespaces, no mounts, no root needed. Paths that
 * the pod declares are mapped into the folder (see PathMap); volumes are folders and links.
 */
export class DeskPod implements AsyncDisposable {
  readonly root: string;
  readonly #options: KubeletOptions;
  readonly #containers = new Map<string, Container>();
  readonly #volumes: Volumes;
  readonly #watchdog: Disposable;
  #reason: string | undefined;
  #isStopping = false;

  private constructor(options: KubeletOptions, root: string) {
    this.#options = options;
    this.root = root;
    this.#watchdog = startWatchdog(root);
    this.#volumes = new Volumes(join(root, ".volumes"), resolve(options.program, "../.."));
  }

  /** Makes the folders and volumes, and checks what the containers ask for; nothing runs yet. */
  static async prepare(options: KubeletOptions): Promise<DeskPod> {
    const pod = new DeskPod(options, await mkdtemp(join(options.temporary, "argo-")));
    try {
      await pod.#volumes.create(options.pod.spec.volumes ?? [], options);
      for (const spec of pod.#specs()) pod.#containers.set(spec.name, pod.#container(spec));
      return pod;
    } catch (error) {
      await pod[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs init containers one by one, then all containers; resolves when the last has ended. */
  async run(): Promise<PodEnd> {
    const { spec } = this.#options.pod;
    const deadline = spec.activeDeadlineSeconds ?? 0;
    const timer =
      deadline > 0
        ? setTimeout(() => {
            this.#reason = "Pod was active on the node longer than the specified deadline";
            void this.stop();
          }, deadline * 1000)
        : undefined;
    try {
      for (const init of spec.initContainers ?? []) {
        await this.#mount(init);
        if (this.#isStopping) return this.#verdict();
        const container = this.container(init.name);
        container.start();
        if ((await container.ended).exitCode !== 0) return this.#verdict();
      }
      for (const one of spec.containers) await this.#mount(one);
      if (this.#isStopping) return this.#verdict();
      const running = spec.containers.map(({ name }) => this.container(name));
      for (const container of running) container.start();
      await Promise.all(running.map((container) => container.ended));
      return this.#verdict();
    } finally {
      clearTimeout(timer);
    }
  }

  container(name: string): Container {
    const found = this.#containers.get(name);
    if (!found) throw new ExecutorError("NotFound", `the pod has no container ${name}`);
    return found;
  }

  /** Deletes the pod as a kubelet does: TERM to every container, the grace period, KILL. */
  async stop(
    graceMs = (this.#options.pod.spec.terminationGracePeriodSeconds ?? gracePeriodDefaultSeconds) * 1000,
  ): Promise<void> {
    this.#isStopping = true;
    const running = [...this.#containers.values()].filter((container) => container.isRunning);
    for (const container of running) container.signal("SIGTERM");
    const patience = new AbortController();
    const late = sleep(graceMs, "late", { signal: patience.signal }).catch(() => "in time");
    const ended = Promise.allSettled(running.map((container) => container.ended));
    if ((await Promise.race([ended, late])) === "late") {
      for (const container of running) if (container.isRunning) container.killAll();
      await ended;
    }
    patience.abort();
  }

  /** A text of a container with the paths that its manifest has. */
  restore(text: string): string {
    return text.includes(this.root) ? text.replaceAll(this.#ownPaths(), "") : text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
    this.#watchdog[Symbol.dispose]();
    if (!this.#options.keepsFolder) await removeTree(this.root);
  }

  #ownPaths(): RegExp {
    return new RegExp(
      `${RegExp.escape(this.root)}/(?:${this.#specs()
        .map(({ name }) => RegExp.escape(name))
        .join("|")})(?=/)`,
      "g",
    );
  }

  #specs(): readonly ContainerSpec[] {
    const { initContainers = [], containers } = this.#options.pod.spec;
    return [...initContainers, ...containers];
  }

  #verdict(): PodEnd {
    const ended = [...this.#containers].flatMap(([name, { end }]) => (end ? [[name, end] as const] : []));
    const hasAllEnded = ended.length === this.#containers.size;
    const isSuccess = hasAllEnded && ended.every(([, { exitCode }]) => exitCode === 0);
    return {
      phase: isSuccess && this.#reason === undefined ? "Succeeded" : "Failed",
      containers: new Map(ended),
      message: this.#reason,
    };
  }

  async #mount(spec: ContainerSpec): Promise<void> {
    const { root, workingDir } = this.container(spec.name).program;
    for (const folder of ["tmp", "dev"]) await mkdir(join(root, folder), { recursive: true });
    const mounts = [...(spec.volumeMounts ?? [])].sort((a, b) => a.mountPath.length - b.mountPath.length);
    for (const mount of mounts) {
      const target = join(root, this.#mountPath(mount));
      await this.#volumes.mount(mount.name, mount.subPath ?? "", target, this.#owns(spec, mount));
    }
    for (const path of declaredPaths(this.#template(spec), spec)) {
      if (isUserContainer(spec)) await mkdir(dirname(join(root, path)), { recursive: true });
    }
    await mkdir(workingDir, { recursive: true });
  }

  /** Main's mounts as the auxiliary container sees them are below `/mainctrfs`, under main's private root. */
  #mountPath({ mountPath }: Mount): string {
    const mirrored = /^\/mainctrfs(?=\/)/.exec(mountPath);
    return mirrored ? `/mainctrfs${this.#root("main")}${mountPath.slice(mirrored[0].length)}` : mountPath;
  }

  /** Content lives where user code works with it; the executor follows links. */
  #owns(spec: ContainerSpec, { mountPath }: Mount): boolean {
    return spec.name === "main" && isUserContainer(spec) && mountPath !== "/var/run/argo";
  }

  #container(spec: ContainerSpec): Container {
    const { onLine = () => undefined } = this.#options;
    return new Container(this.#programOf(spec), onLine);
  }

  #programOf(spec: ContainerSpec): ContainerProgram {
    const { pod, program, baseEnv, executorArgs, executorEnv = {} } = this.#options;
    const root = this.#root(spec.name);
    if (`${root}/var/run/argo/ctr/main/outputs`.length > socketPathMax && spec.name === "main") {
      throw new ExecutorError(
        "BadRequest",
        `the folder for temporary files is too deep for sockets: ${root}`,
      );
    }
    const template = this.#template(spec);
    const map = new PathMap(root, declaredPaths(template, spec));
    const declared = containerEnvironment(pod, spec, this.#options);
    const isUser = isUserContainer(spec);
    const env: Record<string, string> = { ...baseEnv, ...(isUser ? { TMPDIR: join(root, "tmp") } : {}) };
    for (const [name, value] of Object.entries(declared)) env[name] = mapVariable(map, name, value);
    if (declared.ARGO_TEMPLATE && declared.ARGO_TEMPLATE !== "offloaded") {
      const main = new PathMap(this.#root("main"), declaredPaths(template, this.#mainSpec() ?? spec));
      env.ARGO_TEMPLATE = JSON.stringify(mapTemplate(template, main));
    }
    const command = [...(spec.command ?? []), ...(spec.args ?? [])].map((text) => expand(text, declared));
    const argv = isUser
      ? [this.#executable(root, command[0] ?? ""), ...command.slice(1).map((text) => map.text(text))]
      : [program, ...command.slice(1), ...executorArgs];
    return {
      name: spec.name,
      argv,
      env: { ...env, ...(isUser ? {} : executorEnv), ARGOEXEC_ROOT: root },
      workingDir: spec.workingDir === undefined ? root : map.path(spec.workingDir),
      root,
    };
  }

  /** The executor's program where its volume shows it; any other command as it stands. */
  #executable(root: string, command: string): string {
    const isExecutor = ["/var/run/argo/argoexec", "/argo-bin/bin/argoexec"].includes(command);
    return isExecutor ? `${root}${command}` : command;
  }

  #root(container: string): string {
    return join(this.root, container);
  }

  #mainSpec(): ContainerSpec | undefined {
    return this.#options.pod.spec.containers.find(({ name }) => name === "main");
  }

  /** The template that the pod carries; it names the paths of user containers. */
  #template(spec: ContainerSpec): Template {
    const holders = [spec, ...this.#specs()];
    const entries = holders.flatMap(({ env = [] }) => env.filter(({ name }) => name === "ARGO_TEMPLATE"));
    const json = entries.find(({ value }) => value && value !== "offloaded")?.value;
    return json === undefined ? {} : parseTemplate(json, "ARGO_TEMPLATE");
  }
}

/** Executor containers run `argoexec` of their own image and know the root by a variable. */
function isUserContainer({ command = [] }: ContainerSpec): boolean {
  return command[0] !== "argoexec";
}

/** The program itself puts the root in front of the path in this one (native/README.md). */
function mapVariable(map: PathMap, name: string, value: string): string {
  return name === "ARGO_CONTAINER_ARGS_FILE" || name === "ARGO_TEMPLATE" ? value : map.text(value);
}

/** The folder for private folders: the system's, unless sockets below it would have paths that are too long. */
export function shortTemporaryFolder(systems: string): string {
  return systems.length <= 40 || !existsSync("/tmp") ? systems : "/tmp";
}
