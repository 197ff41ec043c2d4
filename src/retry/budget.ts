/**
 * What all requests to one server are ready to wait for it, together. A server that has answered nothing for `limitMs`
 * is dead for everyone: who meets it then fails after the first try instead of waiting through pauses of its own, so
 * that ten artifacts on a dead store cost one outage and not ten. The first success opens the budget again.
 */
export class RetryBudget {
  readonly #limitMs: number;
  readonly #now: () => number;
  #failingSinceMs: number | undefined;

  constructor(limitMs: number, now: () => number = () => performance.now()) {
    this.#limitMs = limitMs;
    this.#now = now;
  }

  noteSuccess(): void {
    this.#failingSinceMs = undefined;
  }

  noteFailure(): void {
    this.#failingSinceMs ??= this.#now();
  }

  /** True as long as it makes sense to wait for the server. */
  get allowsWaiting(): boolean {
    return this.#failingSinceMs === undefined || this.#now() - this.#failingSinceMs <= this.#limitMs;
  }
}
