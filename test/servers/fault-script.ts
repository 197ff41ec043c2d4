import { Holds } from "./holds.ts";

/** The faults of a server that are still due, in the order in which they were added. */
export class FaultScript<Fault extends { readonly times?: number }, Target> {
  readonly #strikes: (fault: Fault, target: Target) => boolean;
  #due: { readonly fault: Fault; left: number }[] = [];
  readonly #holds = new Holds();

  /** `strikes`: whether a fault is meant for what is asked. */
  constructor(strikes: (fault: Fault, target: Target) => boolean) {
    this.#strikes = strikes;
  }

  add(fault: Fault): void {
    this.#due.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#due = [];
  }

  /** Holds a request for as long as a fault says. */
  hold(ms: number, signal: AbortSignal): Promise<void> {
    return this.#holds.hold(ms, signal);
  }

  /** Forgets all faults; what one holds goes on as if nothing had been. */
  letGo(): void {
    this.clear();
    this.#holds.letGo();
  }

  /** The first fault that matches, counted as having struck. */
  take(target: Target): Fault | undefined {
    const hit = this.#due.find(({ fault, left }) => left > 0 && this.#strikes(fault, target));
    if (!hit) return undefined;
    hit.left -= 1;
    return hit.fault;
  }
}
