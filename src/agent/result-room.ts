/**
 * The memory that finished results may take up until the API server has them. The last stage of a task's way fills and
 * empties it; the stages before it begin nothing new while it is full.
 */
export class ResultRoom {
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
