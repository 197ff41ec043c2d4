import type { ByteSink } from "../streams/index.ts";
import { type AnswerRules, decodeFrameHead, type Frame, frameHeadBytes } from "./frames.ts";

/**
 * Reads one answer of the outputs socket, its data straight into the sink: `space` says where the next read goes, `take`
 * is told how much came. Frames with texts go to `accept`, which returns true at the end of the answer and may throw.
 */
export class FrameReceiver {
  readonly #sink: ByteSink;
  readonly #rules: AnswerRules;
  readonly #accept: (frame: Frame) => boolean;
  readonly #done = Promise.withResolvers<void>();
  #isDone = false;
  #isComplete = false;
  #type: Frame["type"] | undefined;
  /** A head or a text; data goes to the sink. */
  #gathered: Buffer = Buffer.alloc(frameHeadBytes);
  #used = 0;
  #dataLeft = 0;

  constructor(sink: ByteSink, rules: AnswerRules, accept: (frame: Frame) => boolean) {
    this.#sink = sink;
    this.#rules = rules;
    this.#accept = accept;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** The answer was read to its end: the connection can serve another one. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Resolves at the end of the answer; rejects with what `accept` throws. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  space(): Uint8Array {
    return this.#dataLeft > 0
      ? this.#sink.space().subarray(0, this.#dataLeft)
      : this.#gathered.subarray(this.#used);
  }

  /** Takes bytes that were read elsewhere; false at the end of the answer. */
  feed(chunk: Buffer): boolean {
    for (let done = 0; done < chunk.length; ) {
      if (this.#isDone) return false;
      const space = this.space();
      const count = chunk.copy(space, 0, done, done + space.length);
      done += count;
      this.take(count);
    }
    return !this.#isDone;
  }

  /** Returns whether there is more to read, as `onread` of a socket wants it. */
  take(bytes: number): boolean {
    if (this.#dataLeft > 0) {
      this.#dataLeft -= bytes;
      this.#sink.filled(bytes);
      return true;
    }
    this.#used += bytes;
    if (this.#used < this.#gathered.length) return true;
    try {
      if (this.#type === undefined) this.#begin();
      else this.#end(this.#type);
    } catch (error) {
      this.#isDone = true;
      this.#done.reject(error);
    }
    return !this.#isDone;
  }

  #begin(): void {
    const { type, length } = this.#rules.check(decodeFrameHead(this.#gathered));
    if (type === "D") {
      this.#dataLeft = length;
      this.#gather(undefined, frameHeadBytes);
    } else if (length > 0) {
      this.#gather(type, length);
    } else {
      this.#gathered = Buffer.alloc(0);
      this.#end(type);
    }
  }

  #end(type: Frame["type"]): void {
    this.#isComplete = type === "E" || type === "X";
    this.#isDone = this.#accept({ type, bytes: this.#gathered });
    if (this.#isDone) this.#done.resolve();
    this.#gather(undefined, frameHeadBytes);
  }

  #gather(type: Frame["type"] | undefined, bytes: number): void {
    this.#type = type;
    this.#gathered = Buffer.alloc(bytes);
    this.#used = 0;
  }
}
