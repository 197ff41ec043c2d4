/** Entries a run may hold before it is split; small enough that an insertion moves little memory. */
const runLengthMax = 512;

/**
 * A map from strings to values that can be walked in order from any position. Keys live in short sorted runs, so that
 * insertion, deletion and seeking stay fast with hundreds of thousands of keys.
 */
export class SortedMap<Value> {
  readonly #values = new Map<string, Value>();
  readonly #runs: string[][] = [[]];

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Value): void {
    const known = this.#values.has(key);
    this.#values.set(key, value);
    if (known) return;
    const at = this.#runFor(key);
    const run = this.#run(at);
    run.splice(lowerBound(run, key), 0, key);
    if (run.length > runLengthMax) this.#runs.splice(at + 1, 0, run.splice(runLengthMax / 2));
  }

  delete(key: string): boolean {
    if (!this.#values.delete(key)) return false;
    const at = this.#runFor(key);
    const run = this.#run(at);
    run.splice(lowerBound(run, key), 1);
    if (run.length === 0 && this.#runs.length > 1) this.#runs.splice(at, 1);
    return true;
  }

  /** Keys in order, beginning with the first that is not less than `from`. The map must not change meanwhile. */
  *keysFrom(from: string): Generator<string> {
    let at = this.#runFor(from);
    let offset = lowerBound(this.#run(at), from);
    for (; at < this.#runs.length; at += 1, offset = 0) {
      const run = this.#run(at);
      for (; offset < run.length; offset += 1) yield run[offset] as string;
    }
  }

  values(): Iterable<Value> {
    return this.#values.values();
  }

  /** The last run whose first key is not greater than `key`; the first run if there is none. */
  #runFor(key: string): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#run(middle)[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #run(at: number): string[] {
    return this.#runs[at] as string[];
  }
}

function lowerBound(run: readonly string[], key: string): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((run[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
