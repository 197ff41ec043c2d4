/**
 * Sine and its kin as Go computes them, with the coefficients of the Cephes library: JavaScript leaves the last digits
 * open, and V8 has others.
 */

const sineTerms = [
  1.5896230157654656e-10, -2.5050747762857807e-8, 2.7557313621385722e-6, -0.0001984126982958954,
  0.008333333333322118, -0.1666666666666663,
];
const cosineTerms = [
  -1.1358536521387682e-11, 2.087570084197473e-9, -2.755731417929674e-7, 2.4801587288851704e-5,
  -0.0013888888888873056, 0.041666666666666595,
];
const tangentAbove = [-13093.693918138373, 1153516.6483858742, -17956525.197648488];
const tangentBelow = [1, 13681.296347069296, -1320892.3444021097, 25008380.18233579, -53869575.592945464];
const arcAbove = [
  -0.8750608600031904, -16.157537187333652, -75.00855792314705, -122.88666844901361, -64.85021904942025,
];
const arcBelow = [
  1, 24.858464901423062, 165.02700983169885, 432.88106049129027, 485.3903996359137, 194.5506571482614,
];
/** A quarter of pi in three parts, so that multiples can be taken off exactly. */
const quarterParts = [0.7853981256484985, 3.774894707930798e-8, 2.6951514290790595e-15] as const;
/** Beyond it the parts are too few; V8's own reduction is as exact as any. */
const reducedMax = 2 ** 29;

export function sine(x: number): number {
  if (x === 0 || !Number.isFinite(x) || Math.abs(x) >= reducedMax) return Math.sin(x);
  const { octant, rest } = reduced(Math.abs(x));
  const isNegative = x < 0 !== octant > 3;
  const value = octant % 4 === 1 || octant % 4 === 2 ? cosineOf(rest) : sineOf(rest);
  return isNegative ? -value : value;
}

export function cosine(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= reducedMax) return Math.cos(x);
  const { octant, rest } = reduced(Math.abs(x));
  const inHalf = octant % 4;
  const isNegative = octant > 3 !== inHalf > 1;
  const value = inHalf === 1 || inHalf === 2 ? sineOf(rest) : cosineOf(rest);
  return isNegative ? -value : value;
}

export function tangent(x: number): number {
  if (x === 0 || !Number.isFinite(x) || Math.abs(x) >= reducedMax) return Math.tan(x);
  const { octant, rest } = reduced(Math.abs(x));
  const square = rest * rest;
  const above = tangentAbove.reduce((sum, term) => sum * square + term, 0);
  const below = tangentBelow.reduce((sum, term) => sum * square + term, 0);
  const small = square > 1e-14 ? rest + rest * ((square * above) / below) : rest;
  const value = octant % 4 === 2 ? -1 / small : small;
  return x < 0 ? -value : value;
}

export function arcTangent(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  return x > 0 ? positiveArc(x) : -positiveArc(-x);
}

/** The angle of a point. */
export function arcTangentOf(y: number, x: number): number {
  if (!(Number.isFinite(y) && Number.isFinite(x)) || y === 0 || x === 0) return Math.atan2(y, x);
  const angle = arcTangent(y / x);
  if (x > 0) return angle;
  return angle <= 0 ? angle + Math.PI : angle - Math.PI;
}

export function arcSine(x: number): number {
  if (x === 0 || !(Math.abs(x) <= 1)) return x === 0 ? x : Number.NaN;
  const size = Math.abs(x);
  const other = Math.sqrt(1 - size * size);
  const arc = size > 0.7 ? Math.PI / 2 - positiveArc(other / size) : positiveArc(size / other);
  return x < 0 ? -arc : arc;
}

export function arcCosine(x: number): number {
  return Math.PI / 2 - arcSine(x);
}

/** The even octant that is next, and how far the number is from it. */
function reduced(x: number): { readonly octant: number; readonly rest: number } {
  let count = Math.trunc(x * (4 / Math.PI));
  if (count % 2 === 1) count++;
  const [first, second, third] = quarterParts;
  return { octant: count % 8, rest: x - count * first - count * second - count * third };
}

function sineOf(rest: number): number {
  const square = rest * rest;
  return rest + rest * square * sineTerms.reduce((sum, term) => sum * square + term, 0);
}

function cosineOf(rest: number): number {
  const square = rest * rest;
  return 1 - 0.5 * square + square * square * cosineTerms.reduce((sum, term) => sum * square + term, 0);
}

function positiveArc(x: number): number {
  const moreBits = 6.123233995736766e-17;
  if (x <= 0.66) return smallArc(x);
  if (x > 2.414213562373095) return Math.PI / 2 - smallArc(1 / x) + moreBits;
  return Math.PI / 4 + smallArc((x - 1) / (x + 1)) + 0.5 * moreBits;
}

function smallArc(x: number): number {
  const square = x * x;
  const above = arcAbove.reduce((sum, term) => sum * square + term, 0);
  const below = arcBelow.reduce((sum, term) => sum * square + term, 0);
  return x * ((square * above) / below) + x;
}
