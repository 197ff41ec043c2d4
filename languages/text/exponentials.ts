/**
 * The exponential function and its inverse as Go computes them on a processor with fused multiply-add, to the last
 * digit. JavaScript leaves the last digits open, and V8 has others.
 */
import { scaled, split } from "./float-parts.ts";

const ln2High = 0.693147180559663;
const ln2Low = 2.8235290563031577e-13;
/** From x to the eighth down to x, behind which there is 1. */
const taylor = [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1];
const xMax = 709.782712893384;
const xMin = -746;

export function exponential(x: number): number {
  if (Number.isNaN(x) || x > xMax) return x + Number.POSITIVE_INFINITY;
  if (x < xMin) return 0;
  const exponent = roundToEven(x * Math.LOG2E);
  const rest = fusedMultiplyAdd(-exponent, ln2Low, fusedMultiplyAdd(-exponent, ln2High, x)) * 0.0625;
  const [first = 0, ...others] = taylor;
  let value = rest * others.reduce((sum, factor) => fusedMultiplyAdd(sum, rest, factor), first);
  for (let i = 0; i < 3; i++) value *= value + 2;
  return scaled(fusedMultiplyAdd(value, value + 2, 1), exponent);
}

function roundToEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** `a * b + c`, rounded once. For numbers whose product and sum are far from the ends of the range. */
function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = exactly(a);
  const other = exactly(b);
  const summand = exactly(c);
  const exponent = product.exponent + other.exponent;
  const common = Math.min(exponent, summand.exponent);
  const total =
    ((product.integer * other.integer) << BigInt(exponent - common)) +
    (summand.integer << BigInt(summand.exponent - common));
  return Number(total) * 2 ** common;
}

/** A number as an integer times a power of two. */
function exactly(value: number): { integer: bigint; exponent: number } {
  if (value === 0) return { integer: 0n, exponent: 0 };
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const integer = biased === 0 ? fraction : fraction | 0x10000000000000n;
  return { integer: value < 0 ? -integer : integer, exponent: Math.max(biased, 1) - 1075 };
}

/** From t to the fifth down to t, of the expansion of r + 2r / (exp(r) - 1). */
const remez = [
  4.1381367970572385e-8, -1.6533902205465252e-6, 6.613756321437934e-5, -0.0027777777777015593,
  0.16666666666666666,
];

/** 2 to the x. */
export function powerOfTwo(x: number): number {
  if (Number.isNaN(x) || x === Number.POSITIVE_INFINITY || x > 1023.9999999999999)
    return x * Number.POSITIVE_INFINITY;
  if (x < -1074) return 0;
  const k = Math.trunc(x > 0 ? x + 0.5 : x < 0 ? x - 0.5 : 0);
  const high = (x - k) * logLn2High;
  const low = -(x - k) * logLn2Low;
  const r = high - low;
  const t = r * r;
  const c = r - t * remez.reduce((sum, factor) => sum * t + factor, 0);
  return scaled(1 - (low - (r * c) / (2 - c) - high), k);
}

const logLn2High = 0.6931471803691238;
const logLn2Low = 1.9082149292705877e-10;

/** The natural logarithm. */
export function logarithm(x: number): number {
  if (Number.isNaN(x) || x === Number.POSITIVE_INFINITY) return x;
  if (x <= 0) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  const parts = split(x);
  const isLow = parts.fraction < Math.SQRT2 / 2;
  const f = (isLow ? parts.fraction * 2 : parts.fraction) - 1;
  const k = isLow ? parts.exponent - 1 : parts.exponent;
  const s = f / (2 + f);
  const s2 = s * s;
  const s4 = s2 * s2;
  const odd =
    s2 *
    (0.6666666666666735 + s4 * (0.2857142874366239 + s4 * (0.1818357216161805 + s4 * 0.14798198605116586)));
  const even = s4 * (0.3999999999940942 + s4 * (0.22222198432149784 + s4 * 0.15313837699209373));
  const half = 0.5 * f * f;
  return k * logLn2High - (half - (s * (half + (odd + even)) + k * logLn2Low) - f);
}
