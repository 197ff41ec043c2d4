/** Go's text forms of numbers (docs/contract/expressions.md#6.1 and #6.2). */
import { LanguageError } from "../errors/index.ts";

/** Display text of a float: shortest digits; plain between 1e-4 and 1e6, else with an exponent of two digits or more. */
export function displayFloat(value: number): string {
  return formatFloat(value, -4, 6, 2);
}

/** JSON text of a float; the caller has refused NaN and infinities. */
export function jsonFloat(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Shortest text of a finite float without an exponent. */
export function plainFloat(value: number): string {
  return formatFloat(value, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0);
}

/** Shortest text; plain while `plainFrom` <= decimal exponent < `plainTo`, else d.ddde±X with X padded. */
export function formatFloat(
  value: number,
  plainFrom: number,
  plainTo: number,
  exponentDigits: number,
): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (value === 0) return `${sign}0`;
  const [mantissa = "0", exponentText = "0"] = Math.abs(value).toExponential().split("e");
  const exponent = Number(exponentText);
  const digits = mantissa.replace(".", "");
  if (exponent < plainFrom || exponent >= plainTo) {
    const padded = String(Math.abs(exponent)).padStart(exponentDigits, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${padded}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

const int64Min = -(1n << 63n);
const int64Max = (1n << 63n) - 1n;

/** Whether an integer fits into 64 bits. */
export function fitsInt64(value: bigint): boolean {
  return value >= int64Min && value <= int64Max;
}

/** Go's conversion of a float to a 64-bit integer: truncated; out of range gives the smallest integer, as on amd64. */
export function truncateToInt64(value: number): bigint {
  if (!Number.isFinite(value)) return int64Min;
  const truncated = BigInt(Math.trunc(value));
  return fitsInt64(truncated) ? truncated : int64Min;
}

/** The value of a number's source text: an int where it is one and fits, else a float. */
export function numberValue(text: string): bigint | number {
  if (/^-?\d+$/.test(text)) {
    const integer = BigInt(text);
    if (fitsInt64(integer)) return integer;
  }
  return floatValue(text);
}

/** The float of a number's source text. Throws LanguageError with Go's message for one that is out of range. */
export function floatValue(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw new LanguageError(
    "evaluation",
    `json: cannot unmarshal number ${text} into Go value of type float64`,
  );
}
