/** A limit on how long the other side may say nothing while we wait for it; time that we take ourselves is ours. */
export class IdleLimit implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #isWaiting = true;

  constructor(ms: number, onIdle: () => void) {
    this.#timer = setTimeout(() => {
      if (this.#isWaiting) onIdle();
    }, ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  refresh(): void {
    this.#timer.refresh();
  }

  /** The chunks of a source, each waited for no longer than the limit. */
  async *watch(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    this.#timer.refresh();
    for await (const chunk of source) {
      this.#isWaiting = false;
      yield chunk;
      this.#isWaiting = true;
      this.#timer.refresh();
    }
  }
}
