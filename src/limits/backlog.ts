import type { Room } from "./permits.ts";

/** Bytes of what is finished and not delivered yet. While it is full, whoever makes more begins nothing new. */
export class Backlog implements Room {
  readonly #limitBytes: number;
  #sizeBytes = 0;
  #freed = Promise.withResolvers<void>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isFree(): boolean {
    return this.#sizeBytes < this.#limitBytes;
  }

  take(sizeBytes: number): void {
    this.#sizeBytes += sizeBytes;
  }

  giveBack(sizeBytes: number): void {
    this.#sizeBytes -= sizeBytes;
    if (!this.isFree) return;
    this.#freed.resolve();
    this.#freed = Promise.withResolvers();
  }

  /** Resolves the next time that something was given back and there is room. */
  get freed(): Promise<void> {
    return this.#freed.promise;
  }
}
