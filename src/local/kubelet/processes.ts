import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** How to know a process of a container where there are no control groups: by its session, or by a variable it has. */
export interface ContainerMark {
  readonly session: number;
  /** `NAME=VALUE`, in the environment with which the program was started. */
  readonly variable: string;
}

/** Ends whatever a container left behind, as the kernel does when a container's first process has gone. */
export async function endLeftovers(mark: ContainerMark): Promise<void> {
  // Something that is being killed can have forked meanwhile: look again until nothing is left.
  for (let pauseMs = 1; pauseMs < 1000; pauseMs *= 2) {
    const left = containerProcesses(mark);
    if (left.length === 0) return;
    for (const pid of left) signalProcess(pid, "SIGKILL");
    await sleep(pauseMs);
  }
}

/** The processes of a container that are alive; zombies do not count. */
export function containerProcesses({ session, variable }: ContainerMark): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // The name in parentheses may hold anything; what follows it are state, parent, group, session.
      const [state, , , processSession] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z" || state === "X") return [];
      const isOurs =
        Number(processSession) === session ||
        readFileSync(`/proc/${name}/environ`, "latin1").split("\0").includes(variable);
      return isOurs ? [Number(name)] : [];
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
      return [];
    }
  });
}

/** Returns whether there was somebody to receive it. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
