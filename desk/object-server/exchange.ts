import type { Target } from "./request.ts";

/**
 * Somebody who follows one exchange of a request and its answer, and may get in its way: a log, or a test that scripts
 * what goes wrong. Every method is optional.
 */
export interface ExchangeObserver {
  /** What is asked is known. Resolves to true where the observer has answered in the server's place. */
  begin?(target: Target): Promise<boolean>;
  /** The request's bytes on their way to the operation. */
  request?(bytes: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** The answer's bytes on their way out; none for HEAD and for answers without a body. */
  answer?(bytes: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** The answer has been handed to the kernel, or the connection has ended. */
  end?(): void;
}
