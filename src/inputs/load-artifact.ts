import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { unpack } from "../archive/index.ts";
import type { ArtifactDriver, StoredArtifact } from "../artifacts/index.ts";
import { ExecutorError, isExecutorError } from "../errors/index.ts";
import { writeNewFile } from "../files/index.ts";
import type { Logger } from "../log/index.ts";
import type { PodPaths } from "../podfiles/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  cleanArtifactPath,
  cleanPath,
  findOverlappingVolume,
  hasLocationOrKey,
  relocate,
  type Template,
  volumeMounts,
} from "../template/index.ts";
import { span } from "../tracing/index.ts";
import { type Loaded, type LoadedHere, unarchived, unpackStrategy } from "./loaded.ts";
import { applyMode } from "./permissions.ts";
import { placeLoaded } from "./place-loaded.ts";
import { openOurFolder, openVolumeFolder, type VolumeFolder } from "./volume-folder.ts";

export interface InputLoader {
  readonly paths: PodPaths;
  readonly openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>;
  readonly log: Logger;
  /** Only the inputs that this artifact plugin keeps; undefined: only those that none does. */
  readonly plugin?: string;
}

/**
 * Loads one input artifact to its place (docs/contract/pod.md#5.2.1): optional ones that are not there are skipped, an
 * archive is unpacked as it comes in, and nothing half-loaded ever stands at the destination.
 */
export async function loadArtifact(
  loader: InputLoader,
  template: Template,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<void> {
  const { name } = artifact;
  if (!hasLocationOrKey(artifact)) {
    // One of the containers that load inputs says so.
    if (loader.plugin !== undefined) return;
    if (!artifact.optional) throw new ExecutorError("NotFound", `required artifact '${name}' not supplied`);
    loader.log.info({ artifactName: name }, "optional artifact not supplied, skipped");
    return;
  }
  const path = cleanArtifactPath(artifact);
  const located = relocateInput(artifact, template.archiveLocation);
  if (located.plugin?.name !== loader.plugin) {
    loader.log.debug({ artifactName: name }, "left to those who load it");
    return;
  }
  try {
    await using parent = await prepareVolume(loader, template, path);
    if (parent === undefined) await prepareInput(loader.paths.input(name));
    await using driver = await loader.openDriver(located);
    const shown = parent ? loader.paths.mirrored(path) : loader.paths.input(name);
    await span("loadArtifact", { path: shown, "artifact.name": name }, async () => {
      const stored = await driver.open(located, signal);
      const loaded: Loaded = { stored, artifact, log: loader.log, signal };
      if (parent) await placeOnVolume(loaded, parent, basename(path));
      else await placeApart(loaded, loader.paths.input(name));
    });
  } catch (error) {
    if (artifact.optional && isExecutorError(error, "NotFound")) {
      loader.log.info({ artifactName: name }, "optional artifact not found, skipped");
      return;
    }
    throw ExecutorError.wrap(
      isInTheWay(error) ? folderInTheWay(path) : error,
      `artifact ${name} failed to load`,
    );
  }
}

/** The folder for an artifact whose place is on a volume of the user's; undefined for any other. */
async function prepareVolume(
  { paths }: InputLoader,
  template: Template,
  path: string,
): Promise<VolumeFolder | undefined> {
  if (findOverlappingVolume(template, path) === undefined) return undefined;
  const mounts = volumeMounts(template).map(({ mountPath }) => cleanPath(mountPath));
  // On a desk volumes are links below the root.
  const view = { mirror: paths.mirror, mounts, hasLinkedMounts: paths.root !== "" };
  return openVolumeFolder(view, dirname(path));
}

async function prepareInput(destination: string): Promise<void> {
  // Main may run as any user, and has to be able to write beside its inputs (docs/contract/pod.md#defect-27).
  await mkdir(dirname(destination), { recursive: true, mode: 0o777 });
  // What this container had loaded before it was started again (docs/contract/artifacts.md#D-49).
  await rm(destination, { recursive: true, force: true });
}

async function placeApart(loaded: Loaded, destination: string): Promise<void> {
  const { stored } = loaded;
  if (stored.kind !== "either") return placeFor({ ...loaded, stored }, destination);
  await using folder = await openOurFolder(dirname(destination));
  try {
    await placeLoaded({ ...loaded, stored }, folder, basename(destination));
  } catch (error) {
    throw withShownPaths(error, folder.shown);
  }
}

/**
 * A user's volume is the user's, and what lies there may be hostile (docs/security.md): the artifact is unpacked in a
 * folder that nobody else may enter, and then moved, from one open folder to the other.
 */
async function placeOnVolume(loaded: Loaded, parent: VolumeFolder, name: string): Promise<void> {
  try {
    const { stored } = loaded;
    if (stored.kind === "either") return await placeLoaded({ ...loaded, stored }, parent, name);
    await using own = await parent.makeOwn(name);
    await placeFor({ ...loaded, stored }, own.folder.path(name));
    await rename(own.folder.path(name), parent.path(name));
  } catch (error) {
    throw withShownPaths(error, parent.shown);
  }
}

async function placeFor(loaded: LoadedHere, destination: string): Promise<void> {
  await place(loaded, destination);
  await applyMode(loaded.artifact, destination);
}

/** Our descriptors mean nothing to a reader. */
function withShownPaths(error: unknown, folder: string): unknown {
  if (!(error instanceof ExecutorError)) return error;
  const text = error.message.replaceAll(/\/proc\/(\d+|self)\/fd\/\d+/g, folder);
  return text === error.message ? error : new ExecutorError(error.code, text, { cause: error.cause });
}

/** Whether the last step failed, to give a loaded input its name, because a folder has it (rename(2)). */
function isInTheWay(error: unknown): boolean {
  const { code, syscall } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  return syscall === "rename" && ["EISDIR", "ENOTEMPTY", "EEXIST"].includes(code ?? "");
}

function folderInTheWay(path: string): ExecutorError {
  const text = `${path} exists already as a folder, which is not replaced; choose a path that does not exist on the volume`;
  return new ExecutorError("BadRequest", text);
}

function relocateInput(artifact: Artifact, archive: ArtifactLocation | undefined): Artifact {
  try {
    return relocate(artifact, archive);
  } catch (error) {
    throw ExecutorError.wrap(error, `failed to load artifact '${artifact.name}'`);
  }
}

async function place({ stored, artifact, log, signal }: LoadedHere, destination: string): Promise<void> {
  const strategy = unpackStrategy(artifact);
  const warn = (message: string) => log.warn({ artifactName: artifact.name }, message);
  if (stored.kind === "directory") return placeDirectory(stored, destination);
  await unarchived(strategy, () =>
    strategy === "none"
      ? placeFile(stored, destination, signal)
      : unpack(stored.openStream(), strategy, destination, { warn }, signal),
  );
}

async function placeFile(
  stored: StoredArtifact & { kind: "file" },
  destination: string,
  signal: AbortSignal,
): Promise<void> {
  const aside = `${destination}.tmp`;
  await rm(aside, { recursive: true, force: true });
  try {
    if (stored.saveTo) await stored.saveTo(aside);
    else await writeNewFile(stored.openStream(), aside, signal);
    await rename(aside, destination);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

async function placeDirectory(
  stored: StoredArtifact & { kind: "directory" },
  destination: string,
): Promise<void> {
  const aside = `${destination}.tmp`;
  await rm(aside, { recursive: true, force: true });
  try {
    await mkdir(aside);
    await stored.download(aside);
    await rename(aside, destination);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}
