/** A token, or keys, with its end. */
export interface Expiring<T> {
  readonly token: T;
  /** Milliseconds since the epoch; Infinity: until a server refuses it. */
  readonly expiresAtMs: number;
}

/** What expires is replaced this long before. */
const renewBeforeMs = 60_000;

/** Keeps what expires and asks for it again in time; many requests that notice the end together share one question. */
export class Renewed<T> {
  readonly #fetch: (signal: AbortSignal) => Promise<Expiring<T>>;
  #known: Expiring<T> | undefined;
  #asking: Promise<Expiring<T>> | undefined;

  constructor(fetch: (signal: AbortSignal) => Promise<Expiring<T>>) {
    this.#fetch = fetch;
  }

  async current(signal: AbortSignal): Promise<T> {
    const known = this.#known;
    const isFresh = known && known.expiresAtMs - Date.now() > renewBeforeMs;
    return isFresh ? known.token : (await this.#ask(signal)).token;
  }

  /** Asks again, after the store refused what was `used`. True if there is another now. */
  async renew(used: T, signal: AbortSignal): Promise<boolean> {
    if (this.#known === undefined || same(this.#known.token, used)) await this.#ask(signal);
    return this.#known !== undefined && !same(this.#known.token, used);
  }

  async #ask(signal: AbortSignal): Promise<Expiring<T>> {
    for (;;) {
      signal.throwIfAborted();
      const mine = this.#asking === undefined;
      this.#asking ??= this.#fetch(signal).finally(() => {
        this.#asking = undefined;
      });
      try {
        this.#known = await this.#asking;
        return this.#known;
      } catch (error) {
        // Whoever asked first may have been told to stop; the others ask again.
        if (mine || !(error instanceof DOMException)) throw error;
      }
    }
  }
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
