import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

/** What a bench must not leave behind, however it ends. */
export interface Scratch {
  readonly folder: string;
  /** To be killed with all that it starts; it is the first of its process group (`detached`). */
  keep<Child extends ChildProcess>(child: Child): Child;
}

/** Makes a folder that goes with the process: when it ends, when something is thrown, when it is cut off. */
export function openScratch(parent: string, prefix: string): Scratch {
  const folder = mkdtempSync(join(parent, prefix));
  const running = new Set<ChildProcess>();
  process.once("exit", () => {
    for (const { pid } of running) if (pid !== undefined) killGroup(pid);
    // Who is killed may write a last file while this goes on.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  return {
    folder,
    keep(child) {
      running.add(child);
      child.once("exit", () => running.delete(child));
      return child;
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
