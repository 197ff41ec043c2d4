/** A point in time seen in a zone: Go's time.Time. */
import { type CivilDate, civilFromDays, daysFromCivil, weekdayOfDays } from "./civil.ts";
import { Duration } from "./duration.ts";
import { utc, type Zone, type ZoneOffset } from "./zone.ts";

const secondNanos = 1_000_000_000n;
/** The year 1, where Go's zero time lies. */
const zeroTime = -62_135_596_800n * secondNanos;
const durationMax = 2n ** 63n - 1n;

export class Moment {
  /** Nanoseconds since 1970, UTC. */
  readonly unixNano: bigint;
  readonly zone: Zone;

  constructor(unixNano: bigint, zone: Zone = utc) {
    this.unixNano = unixNano;
    this.zone = zone;
  }

  /** Seconds since 1970, rounded down. */
  get unix(): number {
    return Number((this.unixNano - this.#nanosecond) / secondNanos);
  }

  get nanosecond(): number {
    return Number(this.#nanosecond);
  }

  get isZero(): boolean {
    return this.unixNano === zeroTime;
  }

  get offset(): ZoneOffset {
    return this.zone.at(this.unix);
  }

  /** Local days since 1970. */
  get days(): number {
    return Math.floor(this.#local / 86_400);
  }

  /** Local seconds since midnight. */
  get secondOfDay(): number {
    return this.#local - this.days * 86_400;
  }

  get date(): CivilDate {
    return civilFromDays(this.days);
  }

  get weekday(): number {
    return weekdayOfDays(this.days);
  }

  /** 1 to 366. */
  get yearDay(): number {
    return this.days - daysFromCivil(this.date.year, 1, 1) + 1;
  }

  in(zone: Zone): Moment {
    return new Moment(this.unixNano, zone);
  }

  add(nanoseconds: bigint): Moment {
    return new Moment(this.unixNano + nanoseconds, this.zone);
  }

  /** How long after another time; the longest duration there is where that does not suffice. */
  since(other: Moment): Duration {
    const nanoseconds = this.unixNano - other.unixNano;
    if (nanoseconds > durationMax) return new Duration(durationMax);
    return new Duration(nanoseconds < -durationMax - 1n ? -durationMax - 1n : nanoseconds);
  }

  get #local(): number {
    return this.unix + this.offset.offset;
  }

  get #nanosecond(): bigint {
    return ((this.unixNano % secondNanos) + secondNanos) % secondNanos;
  }
}

/** Go's zero time. */
export const zeroMoment = new Moment(zeroTime);

/** A time of day on a date in a zone; every field may lie outside its range and carries over. */
export function momentOf(date: CivilDate, secondOfDay: number, nanosecond: number, zone: Zone): Moment {
  const local = daysFromCivil(date.year, date.month, date.day) * 86_400 + secondOfDay;
  // The zone wants UTC, which is what we look for: try the local reading, then correct it near a change.
  const guess = zone.at(local).offset;
  const offset = guess === 0 ? 0 : zone.at(local - guess).offset;
  return new Moment(BigInt(local - offset) * secondNanos + BigInt(nanosecond), zone);
}
