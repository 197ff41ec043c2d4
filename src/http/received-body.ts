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
