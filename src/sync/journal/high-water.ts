/**
 * How far a walk over sorted keys has come while work on some of them is still going on: the last key up to which all
 * is done. A key that failed stays where it is, so that the mark never passes it.
 */
export class HighWater {
  /** Keys that are not done, in their order, each with the key that was reached before it. */
  readonly #open = new Map<string, string | undefined>();
  readonly #failed = new Set<string>();
  #reached: string | undefined;

  /** @param start the key behind which the walk begins */
  constructor(start: string | undefined) {
    this.#reached = start;
  }

  /** The key needs no work. */
  pass(key: string): void {
    this.#reached = key;
  }

  begin(key: string): void {
    this.#open.set(key, this.#reached);
    this.#reached = key;
  }

  end(key: string, isDone: boolean): void {
    const [first = key] = this.#open.keys();
    // Behind a failure that holds the mark, nobody needs to know of another.
    if (isDone || this.#failed.has(first)) this.#open.delete(key);
    else this.#failed.add(key);
  }

  /** All keys up to this one, and it, are done; undefined: not even the first. */
  get mark(): string | undefined {
    for (const before of this.#open.values()) return before;
    return this.#reached;
  }
}
