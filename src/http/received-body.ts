import { Readable } from "node:stream";

/** The body of an answer that came at once; who wants all of it need not go through the stream. */
export class ReceivedBody extends Readable {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    super();
    this.bytes = bytes;
  }

  override _read(): void {
    if (this.bytes.length > 0) this.push(this.bytes);
    this.push(null);
  }
}

/** The body of an answer that comes as its reader takes it. Destroying it drops the connection. */
export class StreamedBody extends Readable {
  readonly #resume: () => void;
  readonly #drop: (error: Error | null) => void;
  #isComplete = false;

  constructor(resume: () => void, drop: (error: Error | null) => void) {
    super();
    this.#resume = resume;
    this.#drop = drop;
  }

  /** The last byte has been pushed. */
  complete(): void {
    this.#isComplete = true;
    this.push(null);
  }

  override _read(): void {
    this.#resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#isComplete) this.#drop(error);
    callback(error);
  }
}
