import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../errors/index.ts";
import type { Logger } from "../log/index.ts";
import { mainContainerNames, type Template } from "../template/index.ts";
import { type ContainerFile, containerFiles, containersFolder, type PodPaths } from "./paths.ts";
import { SharedFolder } from "./shared-folder.ts";

/** Opens `ctr/<name>`; with `makes` it is made where it is missing. */
export async function openContainer(
  paths: PodPaths,
  name: string,
  makes = false,
): Promise<SharedFolder | undefined> {
  await using shared = await SharedFolder.open(paths.runtime);
  await using containers = await shared.folder(containersFolder, makes);
  // Awaited here: the folders above are closed on the way out.
  return await containers?.folder(name, makes);
}

/** Asks the emissary of a container to send a signal to its command (docs/contract/pod.md#5.8). */
export async function signalContainer(paths: PodPaths, name: string, signal: 9 | 15): Promise<void> {
  await using folder = await openContainer(paths, name, true);
  await folder?.publish(containerFiles.signal, String(signal), 0o666);
}

const codeBytesMax = 3;

/** A container's published exit code, 0 to 255; undefined while there is none, or something that is no exit code. */
export async function readExitCode(paths: PodPaths, name: string): Promise<number | undefined> {
  // A step that replaced its own folder has no end that could be believed: it counts as killed.
  const text = await fromContainer(paths, name, (folder) =>
    folder.readEnd(containerFiles.exitCode, codeBytesMax + 1),
  );
  if (text === undefined || !/^\d{1,3}$/.test(text.toString("latin1"))) return undefined;
  const code = Number(text.toString("latin1"));
  return code <= 255 ? code : undefined;
}

/** Whether something of that name is there in a container's folder. */
export async function hasContainerFile(paths: PodPaths, name: string, file: ContainerFile): Promise<boolean> {
  return (await fromContainer(paths, name, (folder) => folder.has(file))) ?? false;
}

async function fromContainer<T>(
  paths: PodPaths,
  name: string,
  look: (folder: SharedFolder) => Promise<T>,
): Promise<T | undefined> {
  try {
    await using folder = await openContainer(paths, name);
    return folder && (await look(folder));
  } catch {
    // What is there is not the executor's.
    return undefined;
  }
}

export async function hasEnded(paths: PodPaths, name: string): Promise<boolean> {
  return (await readExitCode(paths, name)) !== undefined;
}

/** Whether every main container has published its exit code. */
export async function haveEnded(template: Template, paths: PodPaths): Promise<boolean> {
  const ended = await Promise.all(mainContainerNames(template).map((name) => hasEnded(paths, name)));
  return !ended.includes(false);
}

const killWaitMs = 10_000;
/** Plugin sidecars end within milliseconds; a watch on each folder would cost more than a look now and then. */
const lookEveryMs = 50;

/** TERM, the grace period, KILL, 10 s more; returns the names that live on (docs/contract/pod.md#5.8). */
export async function endContainers(
  paths: PodPaths,
  names: readonly string[],
  gracePeriodMs: number,
  log: Logger,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (const [number, waitMs] of [
    [15, gracePeriodMs],
    [9, killWaitMs],
  ] as const) {
    await Promise.all(names.map((name) => signalContainer(paths, name, number)));
    const end = performance.now() + waitMs;
    while (performance.now() < end) {
      const left = await alive(paths, names);
      if (left.length === 0) return [];
      try {
        await sleep(lookEveryMs, undefined, { signal });
      } catch (error) {
        log.warn({ error: errorText(error) }, "not waiting for containers to end");
        break;
      }
    }
  }
  return alive(paths, names);
}

async function alive(paths: PodPaths, names: readonly string[]): Promise<readonly string[]> {
  const ended = await Promise.all(names.map((name) => hasEnded(paths, name)));
  return names.filter((_name, index) => !ended[index]);
}
