import { existsSync } from "node:fs";
import { chmod, lstat, mkdir, readdir, rename, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ExecutorError } from "../../src/errors/index.ts";
import type { Sources } from "./environment.ts";
import type { KeyedData, Volume } from "./pod.ts";

/** The folders that stand for a pod's volumes, and how they come into containers. */
export class Volumes {
  readonly #folder: string;
  readonly #installation: string;
  /** Volumes whose content is ours to move. */
  readonly #own = new Set<string>();

  /**
   * @param folder private to the pod
   * @param installation the folder that an image volume of the executor shows (`bin/argoexec` below it)
   */
  constructor(folder: string, installation: string) {
    this.#folder = folder;
    this.#installation = installation;
  }

  async create(volumes: readonly Volume[], { secrets, configMaps }: Sources): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const volume of volumes) {
      checkName(volume.name);
      const path = join(this.#folder, volume.name);
      if (volume.secret) {
        await writeKeys(path, volume, volume.secret.secretName ?? "", volume.secret, secrets);
      } else if (volume.configMap) {
        await writeKeys(path, volume, volume.configMap.name ?? "", volume.configMap, configMaps);
      } else if (volume.hostPath) await symlink(volume.hostPath.path, path);
      else if (volume.image) await symlink(this.#installation, path);
      else if (volume.emptyDir || volume.persistentVolumeClaim || volume.ephemeral) {
        await mkdir(path);
        await chmod(path, 0o777);
        this.#own.add(volume.name);
      } else {
        const type = Object.keys(volume).find((key) => key !== "name") ?? "without a type";
        throw new ExecutorError(
          "Unsupported",
          `volume ${volume.name} is ${type}, which a desk does not have`,
        );
      }
    }
  }

  /**
   * Shows a volume, or a folder of it, at `target`. With `owns`, the content itself moves there and a link stays
   * behind, so that programs that do not follow links (`find`, `cp -r`) see what they see in a container.
   */
  async mount(name: string, subPath: string, target: string, owns: boolean): Promise<void> {
    checkInside(`the sub-path of volume ${name}`, subPath);
    const source = join(this.#folder, name, subPath);
    if (!existsSync(source)) {
      if (subPath === "") {
        throw new ExecutorError("BadRequest", `no volume ${name} is declared, but it is mounted`);
      }
      // So does the kubelet: a sub-path that is not there becomes a folder.
      await mkdir(source, { recursive: true, mode: 0o777 });
    }
    await mkdir(dirname(target), { recursive: true });
    await makeRoom(target, name);
    if (owns && this.#own.has(name) && !(await lstat(source)).isSymbolicLink()) {
      await rename(source, target);
      await symlink(target, source);
    } else await symlink(source, target);
  }
}

/** As the API server has it for volumes, secrets and config maps (RFC 1123 subdomain): a name becomes a folder. */
function checkName(name: string): void {
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) && !name.includes("..")) return;
  throw new ExecutorError(
    "BadRequest",
    `a volume's or secret's name must be lower-case letters, digits, "-" and ".", not ${JSON.stringify(name)}`,
  );
}

/** What a manifest names below a volume stays there. */
function checkInside(what: string, path: string): void {
  if (!path.startsWith("/") && !path.split("/").includes("..")) return;
  throw new ExecutorError("BadRequest", `${what} must lead to something in it, not ${JSON.stringify(path)}`);
}

/** A mount hides what was there; an empty folder is all that may have to go, the rest is somebody's data. */
async function makeRoom(target: string, volume: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (!found) return;
  if (found.isSymbolicLink()) return rm(target);
  if (found.isDirectory() && (await readdir(target)).length === 0) return rmdir(target);
  throw new ExecutorError("Unsupported", `volume ${volume} would hide another volume's content at ${target}`);
}

async function writeKeys(
  path: string,
  volume: Volume,
  name: string,
  spec: {
    readonly items?: readonly { readonly key: string; readonly path: string }[];
    readonly optional?: boolean;
  },
  data: KeyedData,
): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  const values = data[name] ?? {};
  const items = spec.items ?? Object.keys(values).map((key) => ({ key, path: key }));
  if (!data[name] && !spec.optional) {
    throw new ExecutorError(
      "NotFound",
      `volume ${volume.name} needs ${volume.secret ? "secret" : "config map"} ${name}: ` +
        "add it to the file as a document of its own",
    );
  }
  for (const { key, path: file } of items) {
    if (values[key] === undefined) continue;
    checkInside(`a key's path in volume ${volume.name}`, file);
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), values[key], { mode: 0o600 });
  }
}
