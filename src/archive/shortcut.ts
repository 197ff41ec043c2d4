/** Content that went into its file on the way: what a stream yields in place of the bytes. */
export class Written {
  readonly sizeBytes: number;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }
}

/** A stretch of a stream that is the content of a file. */
export interface Stretch {
  /** Counted from the beginning of the stream. */
  readonly start: number;
  readonly end: number;
  readonly fd: number;
}

/**
 * What the reader of a stream tells its source: where the bytes that come next go. A source that can writes them there
 * itself, several pieces at a time and in any order, and yields `Written` in their place; none of it has to be held in
 * memory that somebody else may still be reading.
 */
export class Shortcut {
  #stretch: Stretch | undefined;
  readonly #underWay = new Set<Promise<unknown>>();

  /** The stretch begins to count; until it is disposed of, the file stays open. Then nobody writes to it any more. */
  open(stretch: Stretch): AsyncDisposable {
    this.#stretch = stretch;
    return {
      [Symbol.asyncDispose]: async () => {
        this.#stretch = undefined;
        await Promise.allSettled(this.#underWay);
      },
    };
  }

  /** Has a piece of the stream written, where all of it lies in the stretch; undefined where it does not. */
  take(
    start: number,
    sizeBytes: number,
    write: (fd: number, position: number) => Promise<void>,
  ): Promise<Written> | undefined {
    const stretch = this.#stretch;
    if (stretch === undefined || sizeBytes === 0) return undefined;
    if (start < stretch.start || start + sizeBytes > stretch.end) return undefined;
    const writing = write(stretch.fd, start - stretch.start).then(() => new Written(sizeBytes));
    this.#underWay.add(writing);
    const forget = () => this.#underWay.delete(writing);
    writing.then(forget, forget);
    return writing;
  }
}
