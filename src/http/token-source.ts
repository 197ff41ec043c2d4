import { ExecutorError, isExecutorError } from "../errors/index.ts";

/** What proves to a server who asks, for a while: a bearer token, or whatever else `T` is. */
export interface Token<T = string> {
  readonly token: T;
  /** Milliseconds since the epoch; Infinity: until a server refuses it. */
  readonly expiresAtMs: number;
}

/** Asks whoever gives out tokens. The signal ends it: nobody waits any more, or it took too long. */
export type FetchToken<T = string> = (signal: AbortSignal) => Promise<Token<T>>;

export interface TokenSourceOptions {
  /** Names what is asked, in the error of a server that accepts and says nothing. */
  readonly during?: string;
  /** A token is renewed this long before it expires; default 60 s. */
  readonly renewBeforeMs?: number;
  /** The longest that one question may take, from beginning to end; default 60 s. */
  readonly timeoutMs?: number;
}

interface Question<T> {
  readonly answer: Promise<Token<T>>;
  readonly abandon: AbortController;
  askers: number;
}

const renewBeforeMsDefault = 60_000;
const timeoutMsDefault = 60_000;

/**
 * The one cache of tokens: kept until shortly before they expire, asked for once however many want one at the same
 * time. Who waits obeys its own signal; the question itself ends with its deadline, or when the last one has left.
 */
export class TokenSource<T = string> {
  readonly #fetch: FetchToken<T>;
  readonly #options: TokenSourceOptions;
  #known: Token<T> | undefined;
  #question: Question<T> | undefined;

  constructor(fetch: FetchToken<T>, options: TokenSourceOptions = {}) {
    this.#fetch = fetch;
    this.#options = options;
  }

  /**
   * The token of now; the same one as long as it is good. Throws what the fetch function throws, Transient where
   * nobody answers in time, and the signal's reason.
   */
  async current(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const known = this.#known;
    const restMs = (known?.expiresAtMs ?? 0) - Date.now();
    if (known && restMs > (this.#options.renewBeforeMs ?? renewBeforeMsDefault)) return known.token;
    try {
      return (await this.#ask(signal)).token;
    } catch (error) {
      signal.throwIfAborted();
      // Renewed early, so that a hiccup of who gives them out is nobody's problem.
      if (known && isExecutorError(error, "Transient") && known.expiresAtMs > Date.now()) return known.token;
      throw error;
    }
  }

  /** Forgets the token that a server has refused; one that has taken its place meanwhile stays. */
  invalidate(refused: T): void {
    if (this.#known && areSame(this.#known.token, refused)) this.#known = undefined;
  }

  /** Asks again, after a server has refused what was `used`. True if there is another now. */
  async renew(used: T, signal: AbortSignal): Promise<boolean> {
    this.invalidate(used);
    return !areSame(await this.current(signal), used);
  }

  async #ask(signal: AbortSignal): Promise<Token<T>> {
    this.#question ??= this.#begin();
    const question = this.#question;
    question.askers += 1;
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([question.answer, promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      question.askers -= 1;
      if (question.askers === 0)
        question.abandon.abort(new ExecutorError("Cancelled", "nobody waits for it"));
    }
  }

  #begin(): Question<T> {
    const abandon = new AbortController();
    const answer = this.#fetchInTime(abandon).then((token) => {
      this.#known = token;
      return token;
    });
    const question = { answer, abandon, askers: 0 };
    const forget = () => {
      if (this.#question === question) this.#question = undefined;
    };
    answer.then(forget, forget);
    // The next one to ask must not join a question that was given up.
    abandon.signal.addEventListener("abort", forget, { once: true });
    return question;
  }

  /** Also where the fetch function does not look at its signal. */
  async #fetchInTime(abandon: AbortController): Promise<Token<T>> {
    const { during = "ask for a token", timeoutMs = timeoutMsDefault } = this.#options;
    const { promise, reject } = Promise.withResolvers<never>();
    abandon.signal.addEventListener("abort", () => reject(abandon.signal.reason), { once: true });
    const timer = setTimeout(() => {
      const text = `${during}: i/o timeout: no answer within ${Math.round(timeoutMs / 1000)} s`;
      abandon.abort(new ExecutorError("Transient", text));
    }, timeoutMs);
    try {
      return await Promise.race([this.#fetch(abandon.signal), promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function areSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
