/**
 * What the container says if it is killed now. The kubelet reads the message of a container however it ended, and nobody who
 * is killed can write one: so it is written when we are told to end, and again with each step.
 */
export class TermMessage {
  readonly #explain: (text: string) => void;
  readonly #term: AbortSignal;
  #text: string | undefined;

  /**
   * @param explain writes the termination message
   * @param term fires when the container is told to end
   */
  constructor(explain: (text: string) => void, term: AbortSignal) {
    this.#explain = explain;
    this.#term = term;
    term.addEventListener("abort", () => this.#write());
  }

  /** What has not been done yet: `told to end before <undone>`. */
  set(undone: string): void {
    this.#text = `told to end before ${undone}`;
    this.#write();
  }

  /** Everything was done. */
  clear(): void {
    const wasWritten = this.#text !== undefined && this.#term.aborted;
    this.#text = undefined;
    if (wasWritten) this.#explain("");
  }

  #write(): void {
    if (this.#term.aborted && this.#text !== undefined) this.#explain(this.#text);
  }
}
