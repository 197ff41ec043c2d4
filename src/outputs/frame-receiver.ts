import type { ByteSink } from "../streams/index.ts";
import { type AnswerRules, type Frame, FrameParser } from "./frames.ts";

/**
 * Reads one answer of the outputs socket, its data straight into the sink: `space` says where the next read goes, `take`
 * is told how much came. Frames with texts go to `accept`, which returns true at the end of the answer and may throw.
 */
export class FrameReceiver {
  readonly #sink: ByteSink;
  readonly #parser: FrameParser;
  readonly #accept: (frame: Frame) => boolean;
  readonly #done = Promise.withResolvers<void>();
  #isDone = false;
  #isComplete = false;

  constructor(sink: ByteSink, rules: AnswerRules, accept: (frame: Frame) => boolean) {
    this.#sink = sink;
    this.#parser = new FrameParser(rules);
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
    const { dataLeft, space } = this.#parser;
    return dataLeft > 0 ? this.#sink.space().subarray(0, dataLeft) : space;
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
    if (this.#parser.dataLeft > 0) {
      this.#parser.noteData(bytes);
      this.#sink.filled(bytes);
      return true;
    }
    try {
      const frame = this.#parser.note(bytes);
      if (frame) this.#end(frame);
    } catch (error) {
      this.#isDone = true;
      this.#done.reject(error);
    }
    return !this.#isDone;
  }

  #end(frame: Frame): void {
    this.#isComplete = frame.type === "E" || frame.type === "X";
    this.#isDone = this.#accept(frame);
    if (this.#isDone) this.#done.resolve();
  }
}
