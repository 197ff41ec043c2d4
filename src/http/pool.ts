import type { Connection } from "./connection.ts";

/**
 * Servers close idle connections after 5 s and more; a connection that we drop first cannot be reset under a request.
 * A server that says how long it waits is believed, less a second for the way.
 */
const keepAliveMs = 4_000;
const hintMarginMs = 1_000;

interface Kept {
  readonly connection: Connection;
  readonly untilMs: number;
}

/** Connections that wait for their next request, by where they lead. The one used last is used first. */
export class Pool implements Disposable {
  readonly #kept = new Map<string, Kept[]>();
  #sweeper: NodeJS.Timeout | undefined;

  keep(key: string, connection: Connection): void {
    const restMs = Math.min(keepAliveMs, connection.keepAliveHintMs - hintMarginMs);
    const kept = { connection, untilMs: performance.now() + restMs };
    const others = this.#kept.get(key);
    if (others) others.push(kept);
    else this.#kept.set(key, [kept]);
    this.#sweeper ??= setInterval(() => this.#sweep(), keepAliveMs).unref();
  }

  /** A connection that is open and fresh. */
  take(key: string): Connection | undefined {
    const kept = this.#kept.get(key);
    for (let last = kept?.pop(); last; last = kept?.pop()) {
      if (isFresh(last)) return last.connection;
      last.connection.drop();
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
    for (const kept of this.#kept.values()) for (const { connection } of kept) connection.drop();
    this.#kept.clear();
  }

  #sweep(): void {
    for (const [key, kept] of this.#kept) {
      for (const each of kept) if (!isFresh(each)) each.connection.drop();
      const fresh = kept.filter(isFresh);
      if (fresh.length > 0) this.#kept.set(key, fresh);
      else this.#kept.delete(key);
    }
    if (this.#kept.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

function isFresh({ connection, untilMs }: Kept): boolean {
  return connection.isOpen && performance.now() < untilMs;
}
