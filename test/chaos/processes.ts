import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** Which part of a container is killed: its first process, that one's child, or all at once. */
export type Victim = "first process" | "child" | "container";

export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    // It has ended.
    return [];
  }
}

/** What runs in a container, as its control group tells (proc(5)); none for what has ended. */
export function processesOf(containerId: string): readonly number[] {
  const isIn = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(containerId);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && isIn(pid))
    .map(Number);
}

/** The Node that a container's first process has started; undefined while none runs. */
export function nodeBelow(first: number): number | undefined {
  return childrenOf(first).find((pid) => programOf(pid).startsWith("node"));
}

/** The file name of its program; empty if it has ended. */
export function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return "";
  }
}

/** A process that waits for events (proc(5): `wchan` is the function of the kernel that it sleeps in). */
export function isWaiting(pid: number): boolean {
  try {
    return /epoll|ep_poll/.test(readFileSync(`/proc/${pid}/wchan`, "latin1"));
  } catch {
    return false;
  }
}

/** A process that has files watched (inotify(7)). */
export function isWatching(pid: number): boolean {
  try {
    const files = readdirSync(`/proc/${pid}/fd`);
    return files.some((file) => readlinkSync(`/proc/${pid}/fd/${file}`) === "anon_inode:inotify");
  } catch {
    // It has ended, or has closed one meanwhile.
    return false;
  }
}
