/** How far a sync is. What is found grows while the listings go on. */
export interface ProgressState {
  readonly objectsDone: number;
  readonly objectsFound: number;
  readonly bytesDone: number;
  readonly bytesFound: number;
  /** True when everything has been found. */
  readonly isListed: boolean;
  readonly elapsedMs: number;
}

/** Where progress is shown. */
export interface ProgressDisplay {
  readonly everyMs: number;
  show(state: ProgressState): void;
  /** Called once, with the last state. */
  end(state: ProgressState): void;
}

/** Counts what a sync has found and done, and shows it as often as each display asks. */
export class SyncProgress implements Disposable {
  readonly #displays: readonly ProgressDisplay[];
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #startedMs = performance.now();
  #objectsDone = 0;
  #objectsFound = 0;
  #bytesDone = 0;
  #bytesFound = 0;
  #isListed = false;

  constructor(displays: readonly ProgressDisplay[]) {
    this.#displays = displays;
    this.#timers = displays.map((display) =>
      setInterval(() => display.show(this.state), display.everyMs).unref(),
    );
  }

  get state(): ProgressState {
    return {
      objectsDone: this.#objectsDone,
      objectsFound: this.#objectsFound,
      bytesDone: this.#bytesDone,
      bytesFound: this.#bytesFound,
      isListed: this.#isListed,
      elapsedMs: performance.now() - this.#startedMs,
    };
  }

  noteFound(sizeBytes: number): void {
    this.#objectsFound += 1;
    this.#bytesFound += sizeBytes;
  }

  noteDone(sizeBytes: number): void {
    this.#objectsDone += 1;
    this.#bytesDone += sizeBytes;
  }

  noteListed(): void {
    this.#isListed = true;
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const display of this.#displays) display.end(this.state);
  }
}
