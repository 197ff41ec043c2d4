/** What stands in the folder of a container (docs/contract/pod.md#3, native/README.md), by what it is for. */
export const containerFiles = {
  /** Held by the emissary, and by wait, for as long as they live. */
  lock: "lock",
  exitCode: "exitcode",
  /** The number of a signal for the command. */
  signal: "signal",
  /** The end of the command's standard output. */
  result: "stdout",
  /** Both outputs of the command; later segments have their offset behind the name. */
  log: "combined",
  /** The socket from which output files are served. */
  outputs: "outputs",
  /** The folder in which they lie where the volume has no sockets. */
  handed: "handed",
  /** Lets an emissary that has handed them over go. */
  released: "released",
  /** The emissary could not place the inputs. */
  stagingFailed: "staging-failed",
  /** The identity and the start of the emissary's span. */
  span: "span",
} as const;

export type ContainerFile = (typeof containerFiles)[keyof typeof containerFiles];

/** Names of variables whose values are too long for an environment are names of files in `PodPaths.config`. */
const offloadedTemplate = "ARGO_TEMPLATE";
export const containersFolder = "ctr";

/**
 * The names of the files that the containers of a pod share, in one place (docs/contract/pod.md#3). `root` is empty in
 * a pod; a local run lives in a private folder.
 */
export class PodPaths {
  readonly root: string;
  readonly runtime: string;
  readonly containers: string;
  readonly template: string;
  readonly program: string;
  readonly status: string;
  readonly plans: string;
  readonly progress: string;
  readonly script: string;
  readonly manifest: string;
  readonly inputs: string;
  readonly mirror: string;
  readonly secrets: string;
  readonly config: string;
  readonly terminationLog: string;
  readonly staging: string;
  readonly plugins: string;

  constructor(root: string) {
    this.root = root;
    this.runtime = `${root}/var/run/argo`;
    this.containers = `${this.runtime}/${containersFolder}`;
    this.template = `${this.runtime}/template`;
    this.program = `${this.runtime}/argoexec`;
    this.status = `${this.runtime}/status`;
    this.plans = `${this.runtime}/plan`;
    this.progress = `${this.runtime}/progress`;
    this.script = `${root}/argo/staging/script`;
    this.manifest = `${root}/tmp/manifest.yaml`;
    this.inputs = `${root}/argo/inputs/artifacts`;
    this.mirror = `${root}/mainctrfs`;
    this.secrets = `${root}/argo/secret`;
    this.config = `${root}/argo/config`;
    this.terminationLog = `${root}/dev/termination-log`;
    this.staging = `${root}/tmp/argo/outputs`;
    this.plugins = `${root}/tmp/artifact-plugins`;
  }

  /** The folder of a container; that it exists means that its emissary has started. */
  container(name: string): string {
    return `${this.containers}/${name}`;
  }

  containerFile(name: string, file: ContainerFile): string {
    return `${this.container(name)}/${file}`;
  }

  /** Node, its loader and libraries and our code, for containers of foreign images that need them. */
  get portableRuntime(): string {
    return `${this.runtime}/runtime`;
  }

  /** The template, where it is too long for a variable. */
  get offloadedTemplate(): string {
    return `${this.config}/${offloadedTemplate}`;
  }

  /** What a restarted agent has to know. No container can have this name, so no plugin sees it through its sub-path. */
  get agentJournal(): string {
    return `${this.runtime}/.agent-journal`;
  }

  /** The token of an executor plugin; its sidecar has the folder mounted as `/var/run/argo`. */
  pluginToken(plugin: string): string {
    return `${this.runtime}/${plugin}/token`;
  }

  /** Where an artifact plugin listens. */
  pluginSocket(plugin: string): string {
    return `${this.plugins}/${plugin}/socket`;
  }

  plan(name: string): string {
    return `${this.plans}/${name}`;
  }

  /** Where an input artifact is loaded to, unless it overlaps a user volume. */
  input(name: string): string {
    return `${this.inputs}/${name}`;
  }

  /** A path of the main container as it is mounted in the auxiliary container. */
  mirrored(path: string): string {
    return `${this.mirror}${path.startsWith("/") ? "" : "/"}${path}`;
  }

  secret(name: string, key: string): string {
    return `${this.secrets}/${name}/${key}`;
  }
}
