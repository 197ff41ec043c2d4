import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import type { Container } from "../../desk/kubelet/index.ts";

/** Which part of a container is killed: its first process, that one's child, or all at once. */
export type Victim = "first process" | "child" | "container";

export function kill(container: Container, victim: Victim): void {
  switch (victim) {
    case "first process":
      container.signal("SIGKILL");
      break;
    case "container":
      container.killAll();
      break;
    case "child": {
      const [child] = childrenOf(container.pid);
      if (child === undefined) throw new Error(`${container.name} has no child to kill`);
      process.kill(child, "SIGKILL");
    }
  }
}

export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    // It has ended.
    return [];
  }
}

/** The Node that a container's first process has started; undefined while none runs. */
export function nodeOf(container: Container): number | undefined {
  return childrenOf(container.pid).find((pid) => {
    try {
      return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith("node");
    } catch {
      return false;
    }
  });
}

/** A process that waits for events (proc(5): `wchan` is the function of the kernel that it sleeps in). */
export function isWaiting(pid: number): boolean {
  try {
    return /epoll|ep_poll/.test(readFileSync(`/proc/${pid}/wchan`, "latin1"));
  } catch {
    return false;
  }
}
