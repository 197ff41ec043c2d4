/** A number of places, to be had while there is room; who finds none waits in line. */
export class Permits {
  #free: number;
  readonly #hasRoom: () => boolean;
  readonly #waiting = new Set<() => void>();

  constructor(count: number, hasRoom: () => boolean) {
    this.#free = count;
    this.#hasRoom = hasRoom;
  }

  /** Resolves with the function that gives the place back. Throws the signal's reason. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0 && this.#hasRoom()) this.#free -= 1;
    else await this.#wait(signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free += 1;
      this.admit();
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.delete(take);
      reject(signal.reason);
    };
    const take = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting.add(take);
    return promise;
  }

  /** Lets in who waits, as far as there are places and room; to be called when there is more room. */
  admit(): void {
    for (const take of this.#waiting) {
      if (this.#free === 0 || !this.#hasRoom()) return;
      this.#waiting.delete(take);
      this.#free -= 1;
      take();
    }
  }
}
