/**
 * The names of the files that the containers of a pod share, in one place (docs/contract/pod.md#3). `root` is empty in
 * a pod; a local run lives in a private folder.
 */
export class PodPaths {
  readonly root: string;
  readonly runtime: string;
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
    return `${this.runtime}/ctr/${name}`;
  }

  /** Node, its loader and libraries and our code, for containers of foreign images that need them. */
  get portableRuntime(): string {
    return `${this.runtime}/runtime`;
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
