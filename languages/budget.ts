/** What one evaluation may spend. Foreign expressions come from templates, so every evaluation ends. */
import { ExecutorError } from "../src/errors/index.ts";

/** Memory units of the reference (contract expressions.md 1.10). */
const memoryUnitsMax = 1_000_000;
/** Characters that strings made by one evaluation may have in total. */
const textMax = 256 * 1024 * 1024;
/** Values that one evaluation may collect. */
const valuesMax = 10_000_000;
/** Characters of one string. */
const stringMax = 64 * 1024 * 1024;

export class Budget {
  readonly #timeMs: number;
  readonly #endsAt: number;
  #units = 0;
  #text = 0;
  #values = 0;
  #steps = 0;

  /** `timeMs` counts from now. */
  constructor(timeMs: number) {
    this.#timeMs = timeMs;
    this.#endsAt = performance.now() + timeMs;
  }

  /** Counts one step of work; looks at the clock now and then. Throws Timeout. */
  step(): void {
    if ((++this.#steps & 0x3ff) === 0) this.checkTime();
  }

  checkTime(): void {
    if (performance.now() > this.#endsAt) {
      throw new ExecutorError(
        "Timeout",
        `expression did not end within ${this.#timeMs} ms; make it simpler or its input smaller`,
      );
    }
  }

  /** Charges what the reference charges. */
  charge(units: number): void {
    this.#units += units;
    if (this.#units >= memoryUnitsMax) throw new ExecutorError("TooLarge", "memory budget exceeded");
  }

  /** Charges values that are kept in lists, where the reference has no limit. */
  chargeValues(count: number): void {
    this.#values += count;
    if (this.#values > valuesMax) {
      throw new ExecutorError("TooLarge", `expression makes more than ${valuesMax} values`);
    }
  }

  /** Charges text, which the reference leaves unbounded, before it is made; `length` in characters. */
  chargeText(length: number): void {
    this.#text += length;
    if (length > stringMax || this.#text > textMax) {
      throw new ExecutorError(
        "TooLarge",
        `expression makes more than ${textMax >> 20} Mi characters of text`,
      );
    }
  }
}
