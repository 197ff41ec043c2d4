import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExecutorError, errorText } from "../../../errors/index.ts";
import type { PluginConfig } from "./config.ts";

/** As long as the reference waits (docs/contract/roles.md#5.5). */
export const socketWaitMs = 120_000;
/**
 * Watches wake us; a look a second is for what they cannot tell: a folder that did not exist, events that were lost,
 * a machine without watches left.
 */
const lookEveryMs = 1000;

/**
 * Resolves when the plugin's socket is there.
 * @throws NotFound for a socket that cannot come, because its folder is missing or the plugin has ended; Timeout after
 * `socketWaitMs`; what `signal` is aborted with
 */
export async function waitForSocket(
  { name, socketPath, exitCodePath }: PluginConfig,
  socketWaitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const where = `plugin ${name} expected unix socket at "${socketPath}" but it does not exist`;
  const end = performance.now() + socketWaitMs;
  using changes = new Changes([dirname(socketPath), dirname(exitCodePath)]);
  for (;;) {
    signal.throwIfAborted();
    const change = changes.next();
    if (await isThere(name, socketPath)) return;
    if (!(await isFolder(dirname(socketPath)))) {
      throw new ExecutorError("NotFound", `${where}: this container shares no folder with the plugin`);
    }
    const code = await readFile(exitCodePath, "utf8").catch(() => undefined);
    if (code !== undefined) {
      const hint = `see the log of the container artifact-plugin-${name}`;
      throw new ExecutorError(
        "NotFound",
        `${where}: the plugin has ended with exit code ${code.trim()}; ${hint}`,
      );
    }
    const leftMs = end - performance.now();
    if (leftMs <= 0) {
      throw new ExecutorError(
        "Timeout",
        `${where} after waiting for ${Math.round(socketWaitMs / 1000)} seconds`,
      );
    }
    await Promise.race([change, aborted(signal), sleep(Math.min(lookEveryMs, leftMs), undefined)]);
  }
}

async function isThere(name: string, path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    const text = `plugin ${name} cannot stat unix socket at "${path}": ${errorText(cause)}`;
    throw new ExecutorError("BadRequest", text, { cause });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Events in folders, for as long as they are of interest. */
class Changes implements Disposable {
  readonly #watchers: FSWatcher[] = [];
  #wake = () => {};

  constructor(folders: readonly string[]) {
    for (const folder of folders) {
      try {
        const watcher = watch(folder, () => this.#wake());
        watcher.on("error", () => {});
        this.#watchers.push(watcher);
      } catch {
        // The folder is not there, or the machine has no watches left: we look now and then.
      }
    }
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  /** Resolves at the first event from now on. */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}
