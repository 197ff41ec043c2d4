import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
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

/**
 * Signals the first process of a container. The kernel drops a signal for which the first process of a real container
 * has no handler (yet); here it would kill a program that is just starting, so it waits until somebody listens.
 */
export async function signalFirstProcess(pid: number, signal: NodeJS.Signals): Promise<void> {
  const patientUntilMs = performance.now() + startMs;
  while (signal !== "SIGKILL" && !listensTo(pid, constants.signals[signal], patientUntilMs)) {
    if (!isAlive(pid)) return;
    await sleep(lookEveryMs);
  }
  signalProcess(pid, signal);
}

/** No event tells of a program that has set up its handlers. */
const lookEveryMs = 5;
/** Node needs less to start, even on a busy machine. */
const startMs = 2000;
/** Programs that block their signals and read them. */
const readers = ["emissary", "artifact-plugin-sidecar", "init", "wait", "supervisor"];

/**
 * Node has a handler from the start, which ends it; ours is there when its main thread waits for events for the first
 * time (proc(5): `wchan` is the function of the kernel that a sleeping process is in).
 */
function listensTo(pid: number, number: number, patientUntilMs: number): boolean {
  try {
    const [, command = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    if (readers.includes(command)) return isInMask(status, "SigBlk", number);
    const waits = /epoll|ep_poll/.test(readFileSync(`/proc/${pid}/wchan`, "latin1"));
    return isInMask(status, "SigCgt", number) && (waits || performance.now() > patientUntilMs);
  } catch {
    return false;
  }
}

function isInMask(status: string, name: string, number: number): boolean {
  const mask = new RegExp(`^${name}:\\s+([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 1n;
}

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
