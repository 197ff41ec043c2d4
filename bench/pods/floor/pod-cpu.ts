import { readFileSync } from "node:fs";

const everyMs = 10;
const classes = ["", "besteffort/", "burstable/"];

/**
 * CPU of all containers of a pod, those that have ended included, by the pod's control group (version 1 or 2). It is looked
 * at all the time, for it goes with the pod.
 */
export class PodCpu implements Disposable {
  readonly #files: readonly string[];
  readonly #timer;
  #seconds = 0;

  /** @param uid of the pod */
  constructor(uid: string) {
    this.#files = classes.flatMap((name) => [
      `/sys/fs/cgroup/cpuacct/kubepods/${name}pod${uid}/cpuacct.usage`,
      `/sys/fs/cgroup/kubepods/${name}pod${uid}/cpu.stat`,
    ]);
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  get seconds(): number {
    this.#look();
    return this.#seconds;
  }

  /** Whether there is such a group still. */
  get isThere(): boolean {
    return this.#files.some((file) => read(file) !== undefined);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const file of this.#files) {
      const text = read(file);
      if (text === undefined) continue;
      const microseconds = /^usage_usec (\d+)$/m.exec(text)?.[1];
      const seconds = microseconds === undefined ? Number(text) / 1e9 : Number(microseconds) / 1e6;
      this.#seconds = Math.max(this.#seconds, seconds);
    }
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It is of another version, or of another class, or gone.
    return undefined;
  }
}
