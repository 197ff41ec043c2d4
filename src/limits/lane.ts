import { isExecutorError } from "../errors/index.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface LaneLimits {
  readonly start: number;
  readonly max: number;
}

/** With 32, a directory of small files 20 ms away moves at over 1000 a second from its first request on. */
const defaultLimits: LaneLimits = { start: 32, max: 96 };
/** What one request counts for besides its bytes, so that small objects count by number and large ones by size. */
const requestWeightBytes = 256 * 1024;
/** A wider lane has to earn at least this much; less is noise. */
const worthwhileGain = 1.05;
const roundMinMs = 50;
/** Requests in flight fail together; they are one signal from the store, not many. */
const halvingPauseMs = 500;

/**
 * How many requests to one store are in flight. The lane widens while throughput grows with it, and halves when the
 * store says that it is too much (429, 503, SlowDown) or drops connections.
 */
export class Lane {
  #limit: number;
  readonly #max: number;
  #inFlight = 0;
  readonly #line = new WaitingLine(() => {
    if (this.#inFlight >= this.#limit) return false;
    this.#inFlight += 1;
    return true;
  });
  #round = { startedMs: performance.now(), weight: 0, requests: 0 };
  #bestRate = 0;
  #halvedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ start, max }: LaneLimits = defaultLimits) {
    this.#limit = start;
    this.#max = max;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Runs one request in the lane. `sizeBytes` is what it moves. */
  async run<T>(sizeBytes: number, request: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (!this.#line.tryEnter(1)) await this.#line.enter(1, signal);
    try {
      const result = await request();
      this.#noteSuccess(sizeBytes);
      return result;
    } catch (error) {
      if (isExecutorError(error, "Transient")) this.#halve();
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#line.serve();
    }
  }

  #noteSuccess(sizeBytes: number): void {
    this.#round.weight += requestWeightBytes + sizeBytes;
    this.#round.requests += 1;
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#round.startedMs;
    if (this.#round.requests < this.#limit || elapsedMs < roundMinMs) return;
    this.#judge(this.#round.weight / elapsedMs);
    this.#round = { startedMs: nowMs, weight: 0, requests: 0 };
  }

  #judge(rate: number): void {
    // A lane that is not full says nothing about a wider one.
    if (this.#line.length > 0 && rate > this.#bestRate * worthwhileGain) {
      this.#limit = Math.min(this.#max, Math.ceil(this.#limit * 1.5));
    }
    // The best rate fades, so that a lane that was narrowed, or met a slow minute, tries again.
    this.#bestRate = Math.max(rate, this.#bestRate * 0.97);
  }

  #halve(): void {
    const nowMs = performance.now();
    if (nowMs - this.#halvedAtMs < halvingPauseMs) return;
    this.#halvedAtMs = nowMs;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#bestRate = 0;
    this.#round = { startedMs: nowMs, weight: 0, requests: 0 };
  }
}
