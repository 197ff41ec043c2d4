import { posix } from "node:path";
import type { Template } from "../../src/template/index.ts";
import type { ContainerSpec } from "./pod.ts";

/** What every container finds in its own file system, whatever its template says. */
const always = ["/tmp", "/var/run/argo", "/argo/staging", "/argo/inputs/artifacts"];
/** Below these a desk has files of its own, which programs need: only a declared path itself is taken from them. */
const systemFolders = [
  "/bin",
  "/boot",
  "/dev",
  "/etc",
  "/lib",
  "/lib64",
  "/proc",
  "/run",
  "/sbin",
  "/sys",
  "/usr",
];
/** Neither are these folders taken whole, but what is declared below them may take its parents along. */
const sharedFolders = ["/", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/var"];

/**
 * Container paths on a machine where they do not exist. A container's root is a private folder, and every path that
 * the template or a mount declares is prefixed with it, wherever a text mentions it: without mounts or chroot, that is
 * as close to the container's own view as it gets.
 */
export class PathMap {
  readonly root: string;
  readonly #pattern: RegExp;

  /** @param declared absolute paths; their parents are mapped too, unless they belong to the system */
  constructor(root: string, declared: Iterable<string>) {
    this.root = root;
    const prefixes = new Set(always);
    for (const path of declared) {
      for (const prefix of withParents(posix.normalize(path))) prefixes.add(prefix);
    }
    const words = [...prefixes].sort((a, b) => b.length - a.length).map(RegExp.escape);
    // Not in the middle of a longer path, of a variable's (`$HOME/tmp`), or of an address, but for `file://`.
    const before = "(?:(?<=\\bfile://)|(?<![\\w.\\-/~})]))";
    this.#pattern = new RegExp(`${before}(?:${words.join("|")})(?![\\w-]|\\.\\w)`, "g");
  }

  /** An absolute path of the container, on the desk; a relative one stays relative to the working directory. */
  path(path: string): string {
    return path.startsWith("/") ? `${this.root}${path}` : path;
  }

  /** A command line, script or value, with every declared path in it on the desk. */
  text(text: string): string {
    return text.replace(this.#pattern, (path) => `${this.root}${path}`);
  }
}

/** Everything that a template or a container names as a path of a user container. */
export function declaredPaths(template: Template, container: ContainerSpec): readonly string[] {
  const { inputs, outputs } = template;
  const paths = [
    ...[...(inputs?.artifacts ?? []), ...(outputs?.artifacts ?? [])].map(({ path }) => path),
    ...(outputs?.parameters ?? []).map(({ valueFrom }) => valueFrom?.path),
    ...(container.volumeMounts ?? []).map(({ mountPath }) => mountPath),
    container.workingDir,
  ];
  return paths.filter(
    (path): path is string => path?.startsWith("/") === true && posix.normalize(path) !== "/",
  );
}

function withParents(path: string): readonly string[] {
  const bare = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  const isSystem = systemFolders.some((folder) => bare === folder || bare.startsWith(`${folder}/`));
  if (isSystem) return [bare];
  const parent = posix.dirname(bare);
  return sharedFolders.includes(parent) ? [bare] : [bare, ...withParents(parent)];
}

/**
 * The template as the executor must see it on the desk: paths of main are those of main's private root. Nothing else
 * changes, so that what is reported differs from a pod's by that prefix only.
 */
export function mapTemplate(template: Template, main: PathMap): Template {
  const mapPath = <T extends { readonly path?: string }>(one: T): T =>
    one.path === undefined ? one : { ...one, path: main.path(one.path) };
  const mapMounts = <T extends { readonly volumeMounts?: readonly { readonly mountPath: string }[] }>(
    owner: T | undefined,
  ) =>
    owner?.volumeMounts === undefined
      ? owner
      : {
          ...owner,
          volumeMounts: owner.volumeMounts.map((mount) => ({
            ...mount,
            mountPath: main.path(mount.mountPath),
          })),
        };
  const mapped: Record<string, unknown> = { ...template };
  for (const owner of ["container", "containerSet", "script"] as const) {
    if (template[owner]) mapped[owner] = mapMounts(template[owner]);
  }
  if (template.script) {
    mapped.script = { ...mapMounts(template.script), source: main.text(template.script.source ?? "") };
  }
  const { inputs, outputs } = template;
  if (inputs?.artifacts) mapped.inputs = { ...inputs, artifacts: inputs.artifacts.map(mapPath) };
  if (outputs) {
    mapped.outputs = {
      ...outputs,
      ...(outputs.artifacts ? { artifacts: outputs.artifacts.map(mapPath) } : {}),
      ...(outputs.parameters
        ? {
            parameters: outputs.parameters.map((parameter) =>
              parameter.valueFrom?.path
                ? { ...parameter, valueFrom: mapPath(parameter.valueFrom) }
                : parameter,
            ),
          }
        : {}),
    };
  }
  return mapped as Template;
}
