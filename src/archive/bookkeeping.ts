import { ExecutorError } from "../errors/index.ts";

/** What a tree of a hundred thousand links takes, and no container feels. */
const bytesMax = 16 * 1024 * 1024;
/** What a text costs in a map beside its own bytes. */
const entryBytes = 96;

/**
 * How much memory an archive may make us keep until its end: links that are made last, names that a later record may
 * come back to. A few megabytes of compressed archive can name gigabytes.
 */
export class Bookkeeping {
  #bytes = 0;

  /** Notes that these texts are kept. Throws TooLarge beyond the budget. */
  keep(...texts: readonly string[]): void {
    this.#bytes += entryBytes + texts.reduce((sum, text) => sum + text.length, 0);
    if (this.#bytes <= bytesMax) return;
    throw new ExecutorError(
      "TooLarge",
      `the names and links that have to be remembered while the archive is unpacked take more than ${bytesMax} bytes; ` +
        "make it of fewer links, or store the tree with archive: none",
    );
  }

  /** Whether as much again as these texts would fit. */
  fits(text: string): boolean {
    return this.#bytes + entryBytes + text.length <= bytesMax;
  }

  /** Everything was forgotten. */
  reset(): void {
    this.#bytes = 0;
  }
}
