import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

interface Times {
  startedMs?: number;
  endedMs?: number;
}

/** When containers started and ended, to the millisecond, as containerd says it; Kubernetes tells seconds only. */
export class TaskTimes implements Disposable {
  readonly #times = new Map<string, Times>();
  readonly #events;

  /** @param ctr path of containerd's own client */
  constructor(ctr: string) {
    const args = ["-a", "/run/outrider-containerd.sock", "-n", "k8s.io", "events"];
    this.#events = spawn(ctr, args, { stdio: ["ignore", "pipe", "inherit"] });
    createInterface({ input: this.#events.stdout }).on("line", (line) => this.#note(line));
  }

  of(containerId: string): Readonly<Times> | undefined {
    return this.#times.get(containerId);
  }

  [Symbol.dispose](): void {
    this.#events.kill();
  }

  /** `2026-01-31 10:00:00.123456789 +0000 UTC k8s.io /tasks/exit {"container_id":…}`. */
  #note(line: string): void {
    const [, stamp, topic, json] = /^(\S+ \S+) \+0000 UTC \S+ \/tasks\/(start|exit) (\{.*)$/.exec(line) ?? [];
    if (stamp === undefined || json === undefined) return;
    const event = JSON.parse(json) as { container_id: string; id?: string };
    // An `exec` in a container ends, too.
    if (event.id !== undefined && event.id !== event.container_id) return;
    const times = this.#times.get(event.container_id) ?? {};
    const ms = Date.parse(`${stamp.replace(" ", "T").slice(0, 23)}Z`);
    if (topic === "start") times.startedMs = ms;
    else times.endedMs = ms;
    this.#times.set(event.container_id, times);
  }
}
