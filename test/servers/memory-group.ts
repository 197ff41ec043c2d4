import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A control group of the kernel with a limit of memory: who takes more is killed. */
export interface MemoryGroup {
  /** What to write a process's number into. */
  readonly procs: string;
  /** Pages of processes, in bytes, that cannot be taken back; those of files can. */
  ownBytes(): number;
  /** Can be removed when no process is in it any more. */
  remove(): void;
}

/** Makes a group (cgroups(7), either version). Throws, with the reason, where this process may not. */
export function openMemoryGroup(limitBytes: number): MemoryGroup {
  const isUnified = existsSync("/sys/fs/cgroup/cgroup.controllers");
  const root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
  const [limit, own] = isUnified ? ["memory.max", "anon"] : ["memory.limit_in_bytes", "rss"];
  const folder = mkdtempSync(join(root, "outrider-"));
  try {
    writeFileSync(join(folder, limit), String(limitBytes));
    // Without, the group would go on in swap.
    if (isUnified && existsSync(join(folder, "memory.swap.max")))
      writeFileSync(join(folder, "memory.swap.max"), "0");
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  return {
    procs: join(folder, "cgroup.procs"),
    ownBytes() {
      const stat = readFileSync(join(folder, "memory.stat"), "utf8");
      return Number(new RegExp(`^${own} (\\d+)$`, "m").exec(stat)?.[1] ?? Number.NaN);
    },
    remove: () => rmdirSync(folder),
  };
}
