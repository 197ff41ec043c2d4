/** Durations: 64-bit nanosecond counts with Go's text form. */
import { LanguageError } from "../errors/index.ts";
import { fitsInt64 } from "../text/numbers.ts";
import { quoteTime } from "../text/quote.ts";

export class Duration {
  readonly nanoseconds: bigint;

  /** Wraps to 64 bits. */
  constructor(nanoseconds: bigint) {
    this.nanoseconds = BigInt.asIntN(64, nanoseconds);
  }

  /** Such as 1h30m0s, 1.5s, 2ms. */
  toString(): string {
    const total = this.nanoseconds;
    if (total === 0n) return "0s";
    const sign = total < 0n ? "-" : "";
    const size = total < 0n ? -total : total;
    if (size < secondNanos) {
      const [unit, divisor] =
        size < 1_000n ? ["ns", 1n] : size < 1_000_000n ? ["µs", 1_000n] : ["ms", 1_000_000n];
      return sign + decimal(size, BigInt(divisor)) + unit;
    }
    const hours = size / (3600n * secondNanos);
    const minutes = (size / (60n * secondNanos)) % 60n;
    const seconds = `${decimal(size % (60n * secondNanos), secondNanos)}s`;
    if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
    return minutes > 0n ? `${sign}${minutes}m${seconds}` : sign + seconds;
  }
}

const secondNanos = 1_000_000_000n;

const unitNanos: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: secondNanos,
  m: 60n * secondNanos,
  h: 3600n * secondNanos,
};

/** Parses Go's duration text, such as -1.5h or 300ms. Throws LanguageError with Go's message. */
export function parseDuration(text: string): Duration {
  const invalid = (): LanguageError =>
    new LanguageError("evaluation", `time: invalid duration ${quoteTime(text)}`);
  const negative = text.startsWith("-");
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return new Duration(0n);
  if (rest === "") throw invalid();
  let total = 0n;
  while (rest !== "") {
    const number = /^(\d*)(?:\.(\d*))?/.exec(rest);
    const [whole = "", integer = "", fraction = ""] = number ?? [];
    if (integer === "" && fraction === "") throw invalid();
    rest = rest.slice(whole.length);
    const unitText = /^[^.\d]*/.exec(rest)?.[0] ?? "";
    if (unitText === "") {
      throw new LanguageError("evaluation", `time: missing unit in duration ${quoteTime(text)}`);
    }
    const unit = Object.hasOwn(unitNanos, unitText) ? unitNanos[unitText] : undefined;
    if (unit === undefined) {
      const message = `time: unknown unit ${quoteTime(unitText)} in duration ${quoteTime(text)}`;
      throw new LanguageError("evaluation", message);
    }
    rest = rest.slice(unitText.length);
    total += BigInt(integer || "0") * unit;
    if (fraction !== "") {
      // 18 digits decide: a unit has at most 13.
      const digits = fraction.slice(0, 18);
      total += (BigInt(digits) * unit) / 10n ** BigInt(digits.length);
    }
    if (integer.length > 19 || total > 1n << 63n) throw invalid();
  }
  const signed = negative ? -total : total;
  if (!fitsInt64(signed)) throw invalid();
  return new Duration(signed);
}

function decimal(size: bigint, divisor: bigint): string {
  const rest = size % divisor;
  if (rest === 0n) return String(size / divisor);
  const width = String(divisor).length - 1;
  return `${size / divisor}.${String(rest).padStart(width, "0").replace(/0+$/, "")}`;
}
