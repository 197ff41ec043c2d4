import { readFile } from "node:fs/promises";
import { join } from "node:path";

const mib = 1024 * 1024;
/** Half of what the whole process may take: freed chunks stay for a while until V8 collects them. */
const ceilingBytes = 32 * mib;
/** What the runtime, its heap and the archive pipeline need for themselves before a transfer may hold a byte. */
const runtimeBytes = 56 * mib;
const floorBytes = 4 * mib;

/** Bytes of transfer buffers for a container with this memory limit (undefined: none): 32 MiB, less in a small one. */
export function memoryBudget(limitBytes: number | undefined): number {
  if (limitBytes === undefined) return ceilingBytes;
  const share = Math.floor((limitBytes - runtimeBytes) / 2);
  return Math.min(ceilingBytes, Math.max(floorBytes, share));
}

/**
 * The memory limit of this container's cgroup in bytes, or undefined where there is none: `memory.max` of version 2,
 * `memory.limit_in_bytes` of version 1, whose "no limit" is a number near 2^63. `root` is where the container sees its
 * own group, `/sys/fs/cgroup`.
 */
export async function readMemoryLimit(root: string): Promise<number | undefined> {
  for (const file of ["memory.max", "memory/memory.limit_in_bytes"]) {
    try {
      const text = (await readFile(join(root, file), "utf8")).trim();
      const bytes = Number(text);
      if (Number.isFinite(bytes) && bytes < 2 ** 60) return bytes;
    } catch {
      // The other version, or no cgroup file system at all.
    }
  }
  return undefined;
}
