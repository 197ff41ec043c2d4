/** The logarithm of gamma, error and Bessel functions, to about ten digits. */

const lanczosTerms: readonly number[] = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** The logarithm of the size of gamma. */
export function logGamma(x: number): number {
  if (x === 1 || x === 2) return 0;
  if (Number.isInteger(x) && x <= 0) return Number.POSITIVE_INFINITY;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  const [sum, t] = lanczos(x - 1);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

function lanczos(x: number): readonly [number, number] {
  const [first = 0, ...rest] = lanczosTerms;
  return [rest.reduce((sum, factor, i) => sum + factor / (x + i + 1), first), x + 7.5];
}

/** By its series near zero, by the continued fraction of its complement further out. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 100; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (size + fraction);
  const complement = Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction));
  return Math.sign(x) * (1 - complement);
}

/** Bessel function of the first kind: the integral of cos(n t - x sin t), by the trapezoidal rule, which is exact here. */
export function bessel(n: number, x: number): number {
  const steps = 200 + 2 * Math.ceil(Math.min(Math.abs(x), 10_000));
  let sum = 0;
  for (let i = 0; i < steps; i++) {
    const t = (Math.PI * (i + 0.5)) / steps;
    sum += Math.cos(n * t - x * Math.sin(t));
  }
  return sum / steps;
}

/** Bessel function of the second kind, by its integral representation. */
export function besselSecond(n: number, x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x < 0 || Number.isNaN(x)) return Number.NaN;
  const sign = n % 2 === 0 ? 1 : -1;
  const steps = 4_000 + 2 * Math.ceil(Math.min(x, 10_000));
  const first = integral((t) => Math.sin(x * Math.sin(t) - n * t), Math.PI, steps);
  const second = integral(
    (t) => (Math.exp(n * t) + sign * Math.exp(-n * t)) * Math.exp(-x * Math.sinh(t)),
    Math.asinh(745 / x),
    steps,
  );
  return (first - second) / Math.PI;
}

/** From zero to `end`, by Simpson's rule. */
function integral(of: (t: number) => number, end: number, steps: number): number {
  const width = end / steps;
  let sum = of(0) + of(end);
  for (let i = 0; i < steps; i++) sum += 4 * of((i + 0.5) * width);
  for (let i = 1; i < steps; i++) sum += 2 * of(i * width);
  return (sum * width) / 6;
}

export function besselOf(n: number, x: number): number {
  return bessel(Math.trunc(n), x);
}

export function besselSecondOf(n: number, x: number): number {
  return besselSecond(Math.trunc(n), x);
}
