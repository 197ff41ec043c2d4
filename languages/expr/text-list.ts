import { List, type Value } from "./values.ts";

/** Texts that are kept in another form, and made when they are asked for. */
export interface Texts {
  readonly length: number;
  /** The text at a place from 0 that is less than the length. */
  at(index: number): string;
}

/**
 * A `[]string` of texts that somebody else keeps in less memory than a value takes. Loops, `len`, indexes and slices
 * look at one after the other; what needs them all at once (`sort`, `uniq`, `==`, ...) makes them all, once.
 */
export class TextList extends List {
  readonly #texts: Texts;
  #made: readonly Value[] | undefined;

  constructor(texts: Texts, isNil = false) {
    super([], "string", isNil);
    this.#texts = texts;
  }

  override get items(): readonly Value[] {
    this.#made ??= this.slice(0, this.length);
    return this.#made;
  }

  override get length(): number {
    return this.#texts.length;
  }

  override at(index: number): Value | undefined {
    return index >= 0 && index < this.length ? this.#texts.at(index) : undefined;
  }

  override slice(from: number, to: number): readonly Value[] {
    const length = Math.max(0, Math.min(to, this.length) - from);
    return Array.from({ length }, (_, place) => this.#texts.at(from + place));
  }
}
