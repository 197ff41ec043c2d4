import type { ApiRequest } from "./api-path.ts";

/**
 * Somebody who follows one exchange of a request and its answer, and may get in its way: a log, or a test that scripts
 * what goes wrong. Every method is optional. One that resolves to true has answered, or cut, in the server's place.
 */
export interface ApiExchangeObserver {
  /** What is asked is known; its body is not read yet. */
  begin?(request: ApiRequest): Promise<boolean>;
  /** The body has been read; nothing has been done. */
  beforeWork?(body: string): boolean;
  /** The work has been done; nothing has been answered. */
  afterWork?(): boolean;
  /** A watch has sent so many events: should it end now, in order or as expired? */
  watch?(sent: number): "close" | "expire" | undefined;
  /** The answer has been handed to the kernel, or the connection has ended. */
  end?(): void;
}
