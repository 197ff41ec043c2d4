import type { ResultRoom } from "./result-room.ts";

/** A number of places, to be had while there is room for results; who finds none waits in line. */
export class Permits {
  readonly #room: ResultRoom;
  readonly #waiting = new Set<() => void>();
  #free: number;
  #watchesRoom = false;

  constructor(count: number, room: ResultRoom) {
    this.#free = count;
    this.#room = room;
  }

  /** Resolves with the function that gives the place back. Throws the signal's reason. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0 && this.#room.isFree) this.#free -= 1;
    else await this.#wait(signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free += 1;
      this.#admit();
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
    this.#watchRoom();
    return promise;
  }

  /** Lets in who waits, as far as there are places and room. */
  #admit(): void {
    for (const take of this.#waiting) {
      if (this.#free === 0 || !this.#room.isFree) break;
      this.#waiting.delete(take);
      this.#free -= 1;
      take();
    }
    this.#watchRoom();
  }

  #watchRoom(): void {
    if (this.#watchesRoom || this.#room.isFree || this.#waiting.size === 0) return;
    this.#watchesRoom = true;
    void this.#room.freed.then(() => {
      this.#watchesRoom = false;
      this.#admit();
    });
  }
}
