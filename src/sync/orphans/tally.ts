/** How many objects, and how many bytes. */
export interface Tally {
  readonly objects: number;
  readonly bytes: number;
}

export const emptyTally: Tally = { objects: 0, bytes: 0 };

/** Counts by name; beyond so many names all others are counted as one, for memory has an end. */
export class Tallies {
  readonly #byName = new Map<string, { objects: number; bytes: number }>();
  readonly #namesMax: number;

  constructor(namesMax = 100_000) {
    this.#namesMax = namesMax;
  }

  add(name: string, sizeBytes: number): void {
    const isKnown = this.#byName.has(name) || this.#byName.size < this.#namesMax;
    const key = isKnown ? name : "(others)";
    const tally = this.#byName.get(key) ?? { objects: 0, bytes: 0 };
    tally.objects += 1;
    tally.bytes += sizeBytes;
    this.#byName.set(key, tally);
  }

  get(name: string): Tally {
    return this.#byName.get(name) ?? emptyTally;
  }

  /** Those with the most bytes first. */
  entries(): readonly (readonly [name: string, tally: Tally])[] {
    return [...this.#byName].sort(([, a], [, b]) => b.bytes - a.bytes || b.objects - a.objects);
  }
}
