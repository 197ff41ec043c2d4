/** Powers as Go computes them, to the last digit: by repeated squaring, where JavaScript is free to differ. */

import { exponential, logarithm } from "./exponentials.ts";
import { scaled, split } from "./float-parts.ts";

export function power(base: number, exponent: number): number {
  if (exponent === 0 || base === 1) return 1;
  if (exponent === 1) return base;
  if (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent)) return 1;
  if (exponent === 0.5 && base !== 0 && Number.isFinite(base)) return Math.sqrt(base);
  if (exponent === -0.5 && base !== 0 && Number.isFinite(base)) return 1 / Math.sqrt(base);
  // Zeros, infinities and NaN have one right answer.
  if (base === 0 || !Number.isFinite(base) || !Number.isFinite(exponent)) return base ** exponent;

  let whole = Math.trunc(Math.abs(exponent));
  let fraction = Math.abs(exponent) - whole;
  if (fraction !== 0 && base < 0) return Number.NaN;
  if (whole >= 2 ** 63) return base ** exponent;
  let mantissa = 1;
  if (fraction !== 0) {
    if (fraction > 0.5) {
      fraction--;
      whole++;
    }
    mantissa = exponential(fraction * logarithm(base));
  }
  const squared = squarings(base, BigInt(whole), mantissa);
  return exponent < 0
    ? scaled(1 / squared.mantissa, -squared.exponent)
    : scaled(squared.mantissa, squared.exponent);
}

/** Beyond this the result is zero or infinite, whatever follows. */
const exponentMax = 1 << 12;

/** `start` times `base` to a whole power, as mantissa and power of two. */
function squarings(base: number, count: bigint, start: number): { mantissa: number; exponent: number } {
  let mantissa = start;
  let exponent = 0;
  let { fraction: square, exponent: squareExponent } = split(base);
  for (let rest = count; rest !== 0n; rest >>= 1n) {
    if (Math.abs(squareExponent) > exponentMax) {
      exponent += squareExponent;
      break;
    }
    if ((rest & 1n) === 1n) {
      mantissa *= square;
      exponent += squareExponent;
    }
    square *= square;
    squareExponent *= 2;
    if (square < 0.5) {
      square += square;
      squareExponent--;
    }
  }
  return { mantissa, exponent };
}
