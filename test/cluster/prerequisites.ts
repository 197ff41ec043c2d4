import { execFile, spawnSync } from "node:child_process";
import { access, copyFile, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installDebianPackages } from "../../scripts/debian-packages.ts";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const pluginSource = join(here, "../../examples/artifact-plugin");

/** Versions of what is built here; a change builds anew. */
const versions = {
  kubernetes: "v1.34.4",
  containerd: "v2.4.2",
  minio: "v0.0.0-20260212201848-7aac2a2c5b7c",
  argo: "v4.0.5",
};
/** By name, with a file that is there once the package is. */
const debianPackages = {
  containerd: "/usr/bin/containerd",
  runc: "/usr/sbin/runc",
  "containernetworking-plugins": "/usr/lib/cni/bridge",
  openssl: "/usr/bin/openssl",
  debootstrap: "/usr/sbin/debootstrap",
};

export interface Prerequisites {
  /** Folder with kube-all, containerd, ctr, minio. */
  readonly bin: string;
  /** Root folder of an image with sh, python3 (as python, too), git and curl, for users' containers. */
  readonly userRoot: string;
  /** Root folder of the image of examples/artifact-plugin. */
  readonly pluginRoot: string;
  /** Root folder of an image whose only program waits. */
  readonly pauseRoot: string;
}

/** What is dear to build is kept in `OUTRIDER_CACHE`, by default below the user's cache folder. */
export function cacheDirectory(): string {
  return process.env.OUTRIDER_CACHE ?? join(homedir(), ".cache", "outrider");
}

/** Returns why this machine cannot run a cluster, or undefined. */
export function whyNotHere(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "a kubelet needs Linux and root";
  if (spawnSync("go", ["version"]).error)
    return "Go is not installed: the control plane is built from source";
  if (spawnSync("python3", ["--version"]).error)
    return "python3 is not installed: it makes the image archives";
  return undefined;
}

/** Installs and builds what is missing: about 10 minutes the first time on two cores, nothing later. */
export async function prepare(say: (text: string) => void): Promise<Prerequisites> {
  const cache = cacheDirectory();
  const bin = join(cache, "bin");
  await mkdir(bin, { recursive: true });
  const missing = installDebianPackages(debianPackages, say);
  if (missing.length > 0)
    throw new Error(`install Debian's ${missing.join(", ")}, without which there is no cluster`);
  await built(join(bin, "kube-all"), say, () => buildKubernetes(bin));
  await built(join(bin, "containerd"), say, () => buildContainerd(bin));
  await buildMinio(bin, say);
  const userRoot = join(cache, "user-root-2");
  await built(userRoot, say, () => bootstrapUserRoot(userRoot));
  const pluginRoot = join(cache, "plugin-root-1");
  await built(pluginRoot, say, () => buildPluginRoot(pluginRoot, userRoot));
  await cp(pluginSource, join(pluginRoot, "plugin"), { recursive: true });
  const pauseRoot = join(cache, "pause-root");
  await built(pauseRoot, say, () => buildPauseRoot(pauseRoot));
  return { bin, userRoot, pluginRoot, pauseRoot };
}

/** The MinIO server, built once from the Go module proxy. Returns its path. */
export async function buildMinio(bin: string, say: (text: string) => void): Promise<string> {
  const program = join(bin, "minio");
  await built(program, say, () => goInstall(bin, `github.com/minio/minio@${versions.minio}`));
  return program;
}

/**
 * A program of Argo Workflows as it is published, built once from the Go module proxy: the controller that our pods are made
 * by, or the executor that they are measured beside. Returns its path.
 */
export async function buildArgo(
  name: "workflow-controller" | "argoexec",
  say: (text: string) => void,
): Promise<string> {
  const bin = join(cacheDirectory(), "bin");
  const program = join(bin, name);
  await mkdir(bin, { recursive: true });
  await built(program, say, () => goBuildArgo(name, program));
  return program;
}

/** In a copy of the module: what the proxy serves has no symbolic links, and one of them is a source file. */
async function goBuildArgo(name: string, program: string): Promise<void> {
  const module = "github.com/argoproj/argo-workflows/v4";
  const download = await go(["mod", "download", "-json", `${module}@${versions.argo}`]);
  const { Dir } = JSON.parse(download) as { readonly Dir: string };
  const source = await mkdtemp(join(tmpdir(), "outrider-argo-"));
  try {
    await run("cp", ["-r", "--no-preserve=mode", `${Dir}/.`, source]);
    const signals = join(source, "workflow/executor/osspecific");
    await copyFile(join(signals, "signal_darwin.go"), join(signals, "signal_linux.go"));
    const flags = ["-ldflags", `-s -w -X ${module}.version=${versions.argo}`];
    await go(["build", ...flags, "-o", program, `./cmd/${name}`], { cwd: source });
  } finally {
    await rm(source, { recursive: true });
  }
}

async function built(path: string, say: (text: string) => void, build: () => Promise<void>): Promise<void> {
  if (await exists(path)) return;
  say(`building ${path}`);
  await build();
}

async function buildKubernetes(bin: string): Promise<void> {
  const folder = join(cacheDirectory(), "kube-src");
  await mkdir(folder, { recursive: true });
  for (const file of ["go.mod", "go.sum", "main.go"])
    await copyFile(join(here, "kube", file), join(folder, file));
  const [, minor] = versions.kubernetes.split(".");
  const version = "k8s.io/component-base/version";
  const flags = `-s -w -X ${version}.gitVersion=${versions.kubernetes} -X ${version}.gitMajor=1 -X ${version}.gitMinor=${minor}`;
  await go(["build", "-ldflags", flags, "-o", join(bin, "kube-all"), "."], { cwd: folder });
}

async function buildContainerd(bin: string): Promise<void> {
  const module = "github.com/containerd/containerd/v2/cmd";
  const names = ["containerd-shim-runc-v2", "ctr", "containerd"];
  const tags = ["-tags", "no_btrfs,no_devmapper,no_zfs"];
  await goInstall(bin, ...tags, ...names.map((name) => `${module}/${name}@${versions.containerd}`));
}

async function goInstall(bin: string, ...args: string[]): Promise<void> {
  await go(["install", ...args], { env: { GOBIN: bin } });
}

/** Returns what it prints. */
async function go(
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { stdout } = await run("go", args, {
    ...(options.cwd ? { cwd: options.cwd } : {}),
    env: { ...process.env, CGO_ENABLED: "0", ...options.env },
    maxBuffer: 1 << 26,
  });
  return stdout;
}

async function bootstrapUserRoot(root: string): Promise<void> {
  const aside = `${root}.tmp`;
  await rm(aside, { recursive: true, force: true });
  const include = "--include=python3,python-is-python3,curl,jq,git,ca-certificates";
  await run("debootstrap", ["--variant=minbase", include, "bookworm", aside], { maxBuffer: 1 << 26 });
  await rename(aside, root);
}

/** The users' root, its files shared, with the packages of the plugin for its Python, whatever this machine's own is. */
async function buildPluginRoot(root: string, userRoot: string): Promise<void> {
  const aside = `${root}.tmp`;
  await rm(aside, { recursive: true, force: true });
  await run("cp", ["-al", userRoot, aside]);
  const [version = ""] = (await readdir(join(userRoot, "usr/bin"))).flatMap(
    (name) => /^python(3\.\d+)$/.exec(name)?.[1] ?? [],
  );
  const packages = join(aside, `usr/local/lib/python${version}/dist-packages`);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"];
  const requirements = ["-r", join(pluginSource, "requirements.txt")];
  await run("python3", [...pip, "--python-version", version, "--target", packages, ...requirements]);
  await rename(aside, root);
}

async function buildPauseRoot(root: string): Promise<void> {
  const aside = `${root}.tmp`;
  await mkdir(aside, { recursive: true });
  const source = join(aside, "pause.c");
  await writeFile(source, "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n");
  await run("cc", ["-static", "-O2", "-o", join(aside, "pause"), source]);
  await rm(source);
  await rename(aside, root);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
