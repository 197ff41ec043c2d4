import type { Task } from "./task.ts";

export interface QueueLimits {
  /** Tasks in flight for one server at most. */
  readonly perServer: number;
  /** In all. */
  readonly total: number;
  /** False while nothing new may begin. */
  readonly hasRoom: () => boolean;
}

interface Line {
  readonly waiting: Task[];
  running: number;
}

/**
 * Tasks waiting for their turn, a line for each server. Lines take turns, and each has places of its own: a server that
 * never answers delays the tasks of nobody else.
 */
export class TaskQueue {
  readonly #limits: QueueLimits;
  readonly #run: (task: Task) => Promise<void>;
  /** In the order of their turns. */
  readonly #lines = new Map<string, Line>();
  #running = 0;

  /** @param run never rejects */
  constructor(limits: QueueLimits, run: (task: Task) => Promise<void>) {
    this.#limits = limits;
    this.#run = run;
  }

  get running(): number {
    return this.#running;
  }

  push(server: string, task: Task): void {
    const line = this.#lines.get(server) ?? { waiting: [], running: 0 };
    line.waiting.push(task);
    this.#lines.set(server, line);
  }

  /** Drops what waits and is not wanted any more. */
  keepOnly(isWanted: (task: Task) => boolean): void {
    for (const [server, line] of this.#lines) {
      const kept = line.waiting.filter(isWanted);
      line.waiting.splice(0, line.waiting.length, ...kept);
      this.#dropIfEmpty(server, line);
    }
  }

  /** Begins as many tasks as the limits let. */
  pump(): void {
    for (let hasBegun = true; hasBegun; ) {
      hasBegun = false;
      for (const [server, line] of [...this.#lines]) {
        if (this.#running >= this.#limits.total || !this.#limits.hasRoom()) return;
        if (line.running >= this.#limits.perServer) continue;
        const task = line.waiting.shift();
        if (task === undefined) continue;
        // To the end of the turns.
        this.#lines.delete(server);
        this.#lines.set(server, line);
        void this.#begin(server, line, task);
        hasBegun = true;
      }
    }
  }

  async #begin(server: string, line: Line, task: Task): Promise<void> {
    this.#running += 1;
    line.running += 1;
    await this.#run(task);
    this.#running -= 1;
    line.running -= 1;
    this.#dropIfEmpty(server, line);
    this.pump();
  }

  #dropIfEmpty(server: string, line: Line): void {
    if (line.running === 0 && line.waiting.length === 0 && this.#lines.get(server) === line) {
      this.#lines.delete(server);
    }
  }
}
