import { access, mkdir, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../errors/index.ts";
import type { Logger } from "../log/index.ts";
import { mainContainerNames, type Template } from "../template/index.ts";
import type { PodPaths } from "./paths.ts";

/** Asks the emissary of a container to send a signal to its command (contract pod.md 5.8). */
export async function signalContainer(paths: PodPaths, name: string, signal: 9 | 15): Promise<void> {
  const folder = paths.container(name);
  await mkdir(folder, { recursive: true, mode: 0o777 });
  await writeFile(`${folder}/signal`, String(signal), { mode: 0o666 });
}

export async function hasEnded(paths: PodPaths, name: string): Promise<boolean> {
  return access(`${paths.container(name)}/exitcode`).then(
    () => true,
    () => false,
  );
}

/** Whether every main container has published its exit code. */
export async function haveEnded(template: Template, paths: PodPaths): Promise<boolean> {
  const ended = await Promise.all(mainContainerNames(template).map((name) => hasEnded(paths, name)));
  return !ended.includes(false);
}

const killPatienceMs = 10_000;
/** Plugin sidecars end within milliseconds; a watch on each folder would cost more than a look now and then. */
const lookEveryMs = 50;

/** TERM, the grace period, KILL, 10 s more; returns the names that live on (contract pod.md 5.8). */
export async function endContainers(
  paths: PodPaths,
  names: readonly string[],
  gracePeriodMs: number,
  log: Logger,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (const [number, patienceMs] of [
    [15, gracePeriodMs],
    [9, killPatienceMs],
  ] as const) {
    await Promise.all(names.map((name) => signalContainer(paths, name, number)));
    const end = performance.now() + patienceMs;
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
