/** What one evaluation may spend. Foreign expressions come from templates, so every evaluation ends. */
import { LanguageError } from "./errors/index.ts";

/** Limits of one evaluation; what is left out has its default. */
export interface Limits {
  /** How long it may take, in milliseconds; default 5,000. */
  readonly timeMs?: number;
  /** Memory units, which the original counts for elements of lists and maps (docs/contract/expressions.md#1.10); default 1,000,000. */
  readonly memoryUnits?: number;
  /**
   * Bytes of text that it may make: results and what making them takes, whether they are still alive or not. So its
   * memory never grows by more than this, even if nothing is collected. Default 256 MiB.
   */
  readonly textBytes?: number;
  /** Values that it may collect in lists, where the original has no limit; default 5,000,000. */
  readonly values?: number;
}

/** Bytes of a UTF-16 unit; the engine needs one only for Latin-1, which cannot be asked for. */
const unitBytes = 2;
/** Bytes of a text without its characters. */
const headBytes = 24;
/** Bytes of a list's element that is a text of its own: its place and its head. */
const elementBytes = 40;

export class Budget {
  readonly #timeMs: number;
  readonly #unitsMax: number;
  readonly #textBytesMax: number;
  readonly #valuesMax: number;
  readonly #endsAt: number;
  #units = 0;
  #textBytes = 0;
  #values = 0;
  #steps = 0;

  /** The time counts from now. */
  constructor(limits: Limits = {}) {
    this.#timeMs = limits.timeMs ?? 5_000;
    this.#unitsMax = limits.memoryUnits ?? 1_000_000;
    this.#textBytesMax = limits.textBytes ?? 256 * 1024 * 1024;
    this.#valuesMax = limits.values ?? 5_000_000;
    this.#endsAt = performance.now() + this.#timeMs;
  }

  /** Counts one step of work; looks at the clock now and then. Throws LanguageError (time). */
  step(): void {
    if ((++this.#steps & 0x3ff) === 0) this.checkTime();
  }

  checkTime(): void {
    if (performance.now() > this.#endsAt) {
      throw new LanguageError(
        "time",
        `expression did not end within ${this.#timeMs} ms; make it simpler or its input smaller`,
      );
    }
  }

  /** Charges what the original charges. Throws LanguageError (memory), as all charges do. */
  charge(units: number): void {
    this.#units += units;
    if (this.#units >= this.#unitsMax) throw new LanguageError("memory", "memory budget exceeded");
  }

  /** Charges values that are kept in lists, where the original has no limit. */
  chargeValues(count: number): void {
    this.#values += count;
    if (this.#values > this.#valuesMax) {
      throw new LanguageError("memory", `expression makes more than ${this.#valuesMax} values`);
    }
  }

  /** Bytes of text charged so far. */
  get textBytes(): number {
    return this.#textBytes;
  }

  /** Charges text before it is made; `units` are UTF-16 units, in a buffer as well as in a result. */
  chargeText(units: number): void {
    this.#chargeBytes(headBytes + units * unitBytes);
  }

  /** Charges a list of that many texts or other small values, without what the texts hold. */
  chargeParts(count: number): void {
    this.#chargeBytes(count * elementBytes);
  }

  #chargeBytes(bytes: number): void {
    this.#textBytes += bytes;
    if (this.#textBytes > this.#textBytesMax) {
      const limit = (this.#textBytesMax / 1024 / 1024).toFixed(0);
      throw new LanguageError("memory", `expression makes more than ${limit} MiB of text`);
    }
    this.checkTime();
  }
}
