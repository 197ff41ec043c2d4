import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
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
  const text = lookInto(paths, name, (folder) => readStart(`${folder}/${containerFiles.exitCode}`));
  if (text === undefined || !/^\d{1,3}$/.test(text)) return undefined;
  const code = Number(text);
  return code <= 255 ? code : undefined;
}

/** Whether something of that name is there in a container's folder. */
export async function hasContainerFile(paths: PodPaths, name: string, file: ContainerFile): Promise<boolean> {
  return lookInto(paths, name, (folder) => lstatSync(`${folder}/${file}`)) !== undefined;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/**
 * What `look` finds in a container's folder, whose path it gets; undefined where that is not there, or not the executor's. By the
 * rules of SharedFolder, but at once: a look takes microseconds, a turn through Node's threads for each step of it many times as
 * long, and there are dozens at the end of a pod.
 */
function lookInto<T>(paths: PodPaths, name: string, look: (folder: string) => T): T | undefined {
  const opened: number[] = [];
  try {
    let folder = paths.runtime;
    opened.push(openSync(folder, O_RDONLY | O_DIRECTORY));
    for (const next of [containersFolder, name]) {
      folder = `/proc/self/fd/${opened.at(-1)}/${next}`;
      opened.push(openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    }
    return look(`/proc/self/fd/${opened.at(-1)}`);
  } catch {
    return undefined;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** The first bytes of a regular file, one more than a code has. */
function readStart(path: string): string | undefined {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const bytes = Buffer.alloc(codeBytesMax + 1);
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
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
