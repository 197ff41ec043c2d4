import type { Backlog } from "../limits/index.ts";
import type { Task } from "./tasks.ts";

export interface QueueLimits {
  /** Tasks in flight for one server at most. */
  readonly perServer: number;
  /** In all. */
  readonly total: number;
}

/** A task whose turn has come; it holds its places until it is disposed of. */
export interface Turn extends Disposable {
  readonly task: Task;
}

interface Line {
  readonly waiting: Task[];
  running: number;
}

/**
 * Tasks waiting for their turn, a line for each server. Lines take turns, and each has places of its own: a server that
 * never answers delays the tasks of nobody else.
 */
export class TaskQueue implements Disposable {
  readonly #limits: QueueLimits;
  readonly #room: Backlog;
  /** In the order of their turns. */
  readonly #lines = new Map<string, Line>();
  readonly #later = new Map<string, NodeJS.Timeout>();
  #running = 0;
  #changed = Promise.withResolvers<void>();

  constructor(limits: QueueLimits, room: Backlog) {
    this.#limits = limits;
    this.#room = room;
  }

  /** @param server what shares the places of one server */
  push(server: string, task: Task): void {
    const line = this.#lines.get(server) ?? { waiting: [], running: 0 };
    line.waiting.push(task);
    this.#lines.set(server, line);
    this.#changed.resolve();
  }

  pushLater(server: string, task: Task, afterMs: number): void {
    const push = () => {
      this.#later.delete(task.nodeId);
      this.push(server, task);
    };
    // setTimeout knows no more than 24 days.
    this.#later.set(task.nodeId, setTimeout(push, Math.min(afterMs, 2 ** 31 - 1)));
  }

  /** Drops what waits and is not wanted any more. */
  drop(nodeIds: readonly string[]): void {
    const gone = new Set(nodeIds);
    for (const nodeId of gone) {
      clearTimeout(this.#later.get(nodeId));
      this.#later.delete(nodeId);
    }
    for (const [server, line] of this.#lines) {
      const kept = line.waiting.filter(({ nodeId }) => !gone.has(nodeId));
      line.waiting.splice(0, line.waiting.length, ...kept);
      this.#dropIfEmpty(server, line);
    }
  }

  /** Each task when the limits let it begin. Ends when `signal` aborts. */
  async *turns(signal: AbortSignal): AsyncGenerator<Turn> {
    const aborted = Promise.withResolvers<void>();
    const onAbort = () => aborted.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        this.#changed = Promise.withResolvers();
        const wake = [
          this.#changed.promise,
          aborted.promise,
          ...(this.#room.isFree ? [] : [this.#room.freed]),
        ];
        const turn = this.#next();
        if (turn === undefined) await Promise.race(wake);
        else yield turn;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#later.values()) clearTimeout(timer);
  }

  #next(): Turn | undefined {
    if (this.#running >= this.#limits.total || !this.#room.isFree) return undefined;
    for (const [server, line] of this.#lines) {
      if (line.running >= this.#limits.perServer) continue;
      const task = line.waiting.shift();
      if (task === undefined) continue;
      // To the end of the turns.
      this.#lines.delete(server);
      this.#lines.set(server, line);
      this.#running += 1;
      line.running += 1;
      return { task, [Symbol.dispose]: () => this.#end(server, line) };
    }
    return undefined;
  }

  #end(server: string, line: Line): void {
    this.#running -= 1;
    line.running -= 1;
    this.#dropIfEmpty(server, line);
    this.#changed.resolve();
  }

  #dropIfEmpty(server: string, line: Line): void {
    if (line.running === 0 && line.waiting.length === 0 && this.#lines.get(server) === line) {
      this.#lines.delete(server);
    }
  }
}
