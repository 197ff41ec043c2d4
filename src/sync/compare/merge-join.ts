import { compareKeys } from "../../transfer/index.ts";
import type { ListedObject, Repository } from "../repository/index.ts";
import { tellsMilliseconds } from "./equality.ts";

/** One key of either side or both; at least one of them is there. */
export interface Pair {
  readonly source: ListedObject | undefined;
  readonly target: ListedObject | undefined;
  /** True where both listings have shown that they tell milliseconds. */
  readonly areTimesExact: boolean;
}

type Pages = AsyncIterable<readonly ListedObject[]>;

/**
 * Walks over two sorted listings at once and yields what each key is on both sides, page by page, in the order of keys.
 * Keys are compared behind the repositories' prefixes. Memory is that of a page of each side. Throws what a listing
 * throws: nothing that was yielded by then says anything of later keys.
 */
export async function* mergeJoin(
  source: { readonly repository: Pick<Repository, "prefix">; readonly pages: Pages },
  target: { readonly repository: Pick<Repository, "prefix">; readonly pages: Pages },
): AsyncGenerator<readonly Pair[]> {
  await using left = new Cursor(source.pages, source.repository.prefix.length);
  await using right = new Cursor(target.pages, target.repository.prefix.length);
  // Both first pages are on their way at once.
  await Promise.all([left.fill(), right.fill()]);
  for (;;) {
    const pairs = joinPages(left, right);
    if (pairs.length > 0) yield pairs;
    if (left.hasEnded && right.hasEnded) return;
    await Promise.all([left.fill(), right.fill()]);
  }
}

/** Joins until one side's page is used up; a side that has ended lies behind every key. */
function joinPages(left: Cursor, right: Cursor): readonly Pair[] {
  const pairs: Pair[] = [];
  const areTimesExact = left.isExact && right.isExact;
  for (;;) {
    const source = left.current;
    const target = right.current;
    if ((source === undefined && !left.hasEnded) || (target === undefined && !right.hasEnded)) return pairs;
    if (source === undefined && target === undefined) return pairs;
    const order =
      source === undefined ? 1 : target === undefined ? -1 : compareKeys(left.relativeKey, right.relativeKey);
    pairs.push({
      source: order <= 0 ? source : undefined,
      target: order >= 0 ? target : undefined,
      areTimesExact,
    });
    if (order <= 0) left.advance();
    if (order >= 0) right.advance();
  }
}

/** A place in a listing. */
class Cursor implements AsyncDisposable {
  readonly #pages: AsyncIterator<readonly ListedObject[]>;
  readonly #prefixLength: number;
  #page: readonly ListedObject[] = [];
  #index = 0;
  hasEnded = false;
  /** True once a page has told milliseconds. */
  isExact = false;

  constructor(pages: Pages, prefixLength: number) {
    this.#pages = pages[Symbol.asyncIterator]();
    this.#prefixLength = prefixLength;
  }

  get current(): ListedObject | undefined {
    return this.#page[this.#index];
  }

  get relativeKey(): string {
    return this.current?.key.slice(this.#prefixLength) ?? "";
  }

  advance(): void {
    this.#index += 1;
  }

  /** Fetches pages until there is a current object, or the listing has ended. */
  async fill(): Promise<void> {
    while (!this.hasEnded && this.current === undefined) {
      const next = await this.#pages.next();
      this.#index = 0;
      this.#page = next.done === true ? [] : next.value;
      if (next.done === true) this.hasEnded = true;
      this.isExact ||= tellsMilliseconds(this.#page);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pages.return?.();
  }
}
