import { lstat, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";

const prefix = "argo-store-";

/**
 * Makes a folder for a store that lives as long as this process, and removes those of runs that were killed. The name
 * says whose it is from the first moment on: boot, PID namespace, process and when that was started.
 */
export async function makeStoreFolder(temporary: string): Promise<string> {
  const world = await processWorld().catch(() => undefined);
  // Where the kernel does not tell, nobody can say whose a folder is.
  if (world === undefined) return mkdtemp(join(temporary, prefix));
  await removeLeftovers(temporary, world);
  const { pid } = process;
  return mkdtemp(join(temporary, `${prefix}${world}-${pid}-${await startTime(pid)}-`));
}

/** A process of another machine, boot or container may live although there is none of its number here. */
async function processWorld(): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  const namespace = await readlink("/proc/self/ns/pid");
  return `${boot.slice(0, 8)}-${namespace.replace(/\D/g, "")}`;
}

async function removeLeftovers(temporary: string, world: string): Promise<void> {
  const pattern = new RegExp(`^${prefix}${world}-(\\d+)-(\\d+)-\\w+$`);
  for (const name of await readdir(temporary)) {
    const [, pid, started] = pattern.exec(name) ?? [];
    if (pid === undefined || (await startTime(Number(pid))) === started) continue;
    const path = join(temporary, name);
    // What cannot be removed, or is being removed by another run, is no reason not to run.
    if (await isOwnFolder(path)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** In a folder that all may write to, anybody may take such a name, for a link too. */
async function isOwnFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.getuid?.();
}

/** When a process was started, in ticks since boot (proc_pid_stat(5), field 22); undefined where there is none. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
