import type { Pair } from "../compare/index.ts";
import { joinScope, type SyncScope } from "./scope.ts";

/** Both listings side by side, whose first pages are on their way before anybody asks for them. */
export class BegunListing {
  readonly #stopping = new AbortController();
  readonly #pages: AsyncIterator<readonly Pair[]>;
  readonly #first: Promise<IteratorResult<readonly Pair[]>>;

  /** See `joinScope`. */
  constructor(scope: SyncScope, after: string | undefined, signal: AbortSignal) {
    const own = AbortSignal.any([signal, this.#stopping.signal]);
    this.#pages = joinScope(scope, after, own)[Symbol.asyncIterator]();
    this.#first = this.#pages.next();
    // Until its turn comes nobody waits for it, and a failure must not end the process.
    this.#first.catch(() => {});
  }

  async *pages(): AsyncGenerator<readonly Pair[]> {
    try {
      for (let page = await this.#first; page.done !== true; page = await this.#pages.next())
        yield page.value;
    } finally {
      await this.#pages.return?.();
    }
  }

  /** Ends what is under way; whoever reads is thrown the reason. */
  stop(reason: unknown): void {
    this.#stopping.abort(reason);
  }

  /** Nothing is under way when this resolves. */
  async close(): Promise<void> {
    this.stop(undefined);
    await this.#first.catch(() => {});
    await this.#pages.return?.();
  }
}
