/**
 * What a signal stops, behind one listener a signal: adding one more listener to a signal looks at all that are there,
 * which with a hundred requests in flight costs more than the request.
 */
export class Stops {
  readonly #bySignal = new WeakMap<AbortSignal, Set<() => void>>();

  add(signal: AbortSignal, stop: () => void): void {
    const known = this.#bySignal.get(signal);
    if (known) {
      known.add(stop);
      return;
    }
    const stops = new Set([stop]);
    this.#bySignal.set(signal, stops);
    const stopAll = () => {
      for (const each of stops) each();
    };
    signal.addEventListener("abort", stopAll, { once: true });
  }

  remove(signal: AbortSignal, stop: () => void): void {
    this.#bySignal.get(signal)?.delete(stop);
  }
}
