import { Stops } from "./stops.ts";

interface Waiting {
  readonly weight: number;
  readonly enter: () => void;
}

/**
 * Who waits for its turn, first come, first served. `admits` says whether there is room for the first one's weight, and
 * takes it; the line asks whenever `serve` is called, and when somebody has left.
 */
export class WaitingLine {
  readonly #admits: (weight: number) => boolean;
  /** In their order; a set, so that leaving costs nothing. */
  readonly #waiting = new Set<Waiting>();
  readonly #stops = new Stops();

  constructor(admits: (weight: number) => boolean) {
    this.#admits = admits;
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** True where it is admitted at once, for there is room and nobody waits: spares a promise. */
  tryEnter(weight: number): boolean {
    return this.#waiting.size === 0 && this.#admits(weight);
  }

  /** Resolves when it is admitted: at once where there is room and nobody waits. Throws the signal's reason. */
  async enter(weight: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.tryEnter(weight)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = {
      weight,
      enter: () => {
        this.#stops.remove(signal, leave);
        resolve();
      },
    };
    const leave = () => {
      this.#waiting.delete(waiting);
      reject(signal.reason);
      // Who asked for less may have stood behind it.
      this.serve();
    };
    this.#stops.add(signal, leave);
    this.#waiting.add(waiting);
    await promise;
  }

  /** Admits whom there is room for. */
  serve(): void {
    for (const waiting of this.#waiting) {
      if (!this.#admits(waiting.weight)) return;
      this.#waiting.delete(waiting);
      waiting.enter();
    }
  }
}
