/** Functions of numbers: C's math library under jq's names. */
import { exponential, logarithm, powerOfTwo } from "../../text/exponentials.ts";
import { split } from "../../text/float-parts.ts";
import { power } from "../../text/power.ts";
import type { NativeFunction, NativeFunctions } from "../native.ts";
import { notApplicable } from "../problems.ts";
import { isNumber, type JqValue } from "../values.ts";
import { gamma } from "./gamma.ts";
import { cubeRoot } from "./roots.ts";
import { bessel, besselOf, besselSecond, besselSecondOf, erf, logGamma } from "./special-functions.ts";
import { arcCosine, arcSine, arcTangent, arcTangentOf, cosine, sine, tangent } from "./trigonometry.ts";

const smallestNormal = 2.2250738585072014e-308;

export const mathFunctions: NativeFunctions = {
  ...unary("floor ceil trunc round sqrt sinh cosh tanh asinh acosh atanh expm1 log1p"),
  "cbrt/0": of("cbrt", cubeRoot),
  "sin/0": of("sin", sine),
  "cos/0": of("cos", cosine),
  "tan/0": of("tan", tangent),
  "asin/0": of("asin", arcSine),
  "acos/0": of("acos", arcCosine),
  "atan/0": of("atan", arcTangent),
  "exp/0": of("exp", exponential),
  "log/0": of("log", logarithm),
  "log2/0": of("log2", binaryLogarithm),
  "log10/0": of("log10", (x) => logarithm(x) * Math.LOG10E),
  "round/0": of("round", (x) => Math.sign(x) * Math.round(Math.abs(x))),
  "rint/0": of("rint", roundToEven),
  "nearbyint/0": of("nearbyint", roundToEven),
  "fabs/0": of("fabs", Math.abs),
  "exp2/0": of("exp2", powerOfTwo),
  "exp10/0": of("exp10", (x) => power(10, x)),
  "significand/0": of("significand", (x) => (x === 0 || !Number.isFinite(x) ? x : x / 2 ** exponentOf(x))),
  "logb/0": of("logb", (x) => {
    if (x === 0) return Number.NEGATIVE_INFINITY;
    return Number.isFinite(x) ? exponentOf(x) : Math.abs(x);
  }),
  "gamma/0": of("gamma", gamma),
  "lgamma/0": of("lgamma", logGamma),
  "tgamma/0": of("tgamma", gamma),
  "erf/0": of("erf", erf),
  "erfc/0": of("erfc", (x) => 1 - erf(x)),
  "j0/0": of("j0", (x) => bessel(0, x)),
  "j1/0": of("j1", (x) => bessel(1, x)),
  "y0/0": of("y0", (x) => besselSecond(0, x)),
  "y1/0": of("y1", (x) => besselSecond(1, x)),
  "jn/2": of2("jn", besselOf),
  "yn/2": of2("yn", besselSecondOf),
  "pow/2": of2("pow", power),
  "atan2/2": of2("atan2", arcTangentOf),
  "copysign/2": of2("copysign", (x, y) => (isNegative(y) ? -Math.abs(x) : Math.abs(x))),
  "drem/2": of2("drem", remainder),
  "remainder/2": of2("remainder", remainder),
  "fdim/2": of2("fdim", (x, y) => (x > y ? x - y : Number.isNaN(x + y) ? Number.NaN : 0)),
  "fmax/2": of2("fmax", (x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.max(x, y))),
  "fmin/2": of2("fmin", (x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.min(x, y))),
  "fmod/2": of2("fmod", (x, y) => x % y),
  "hypot/2": of2("hypot", Math.hypot),
  "ldexp/2": of2("ldexp", scale),
  "scalb/2": of2("scalb", scale),
  "scalbln/2": of2("scalbln", scale),
  "nextafter/2": of2("nextafter", nextAfter),
  "nexttoward/2": of2("nexttoward", nextAfter),
  "fma/3": (_, args) => {
    const [x = 0, y = 0, z = 0] = args.map((arg) => floatOf("fma", arg));
    return x * y + z;
  },
  "frexp/0": (input) => {
    const x = floatOf("frexp", input);
    if (x === 0 || !Number.isFinite(x)) return [x, 0n];
    const exponent = exponentOf(x) + 1;
    return [x / 2 ** exponent, BigInt(exponent)];
  },
  "modf/0": (input) => {
    const x = floatOf("modf", input);
    if (!Number.isFinite(x)) return [Number.isNaN(x) ? x : Math.sign(x) * 0, x];
    return [x % 1, Math.trunc(x)];
  },
  "infinite/0": () => Number.POSITIVE_INFINITY,
  "nan/0": () => Number.NaN,
  "isinfinite/0": (input) => isNumber(input) && Math.abs(Number(input)) === Number.POSITIVE_INFINITY,
  "isfinite/0": (input) => isNumber(input) && Math.abs(Number(input)) !== Number.POSITIVE_INFINITY,
  "isnan/0": (input) => input !== null && Number.isNaN(floatOf("isnan", input)),
  "isnormal/0": (input) => {
    if (!isNumber(input)) return false;
    const x = Math.abs(Number(input));
    return Number.isFinite(x) && x >= smallestNormal;
  },
};

function floatOf(name: string, value: JqValue | undefined): number {
  if (value !== undefined && isNumber(value)) return Number(value);
  throw notApplicable(name, value ?? null);
}

function of(name: string, on: (x: number) => number): NativeFunction {
  const keepsIntegers = ["floor", "ceil", "trunc", "round", "rint", "nearbyint"].includes(name);
  return (input) => (keepsIntegers && typeof input === "bigint" ? input : on(floatOf(name, input)));
}

function of2(name: string, on: (x: number, y: number) => number): NativeFunction {
  return (_, [x, y]) => on(floatOf(name, x), floatOf(name, y));
}

/** Exact for powers of two. */
function binaryLogarithm(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return logarithm(x);
  const { fraction, exponent } = split(x);
  return fraction === 0.5 ? exponent - 1 : logarithm(fraction) * (1 / Math.LN2) + exponent;
}

/** Functions that JavaScript has under the same name. */
function unary(names: string): NativeFunctions {
  const table = Math as unknown as Readonly<Record<string, (x: number) => number>>;
  return Object.fromEntries(
    names.split(" ").map((name) => [`${name}/0`, of(name, (x) => table[name]?.(x) ?? Number.NaN)]),
  );
}

function isNegative(x: number): boolean {
  return x < 0 || Object.is(x, -0);
}

function roundToEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The IEEE remainder: x - y times the nearest integer to x / y. */
function remainder(x: number, y: number): number {
  if (!Number.isFinite(x) || y === 0 || Number.isNaN(y)) return Number.NaN;
  const rest = Number.isFinite(y) ? x - y * roundToEven(x / y) : x;
  return rest === 0 && isNegative(x) ? -0 : rest;
}

function exponentOf(x: number): number {
  const size = Math.abs(x);
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent--;
  else if (2 ** (exponent + 1) <= size) exponent++;
  return exponent;
}

function scale(x: number, power: number): number {
  const exponent = Number.isNaN(power) ? Number.NEGATIVE_INFINITY : Math.trunc(power);
  if (!Number.isFinite(exponent)) return exponent > 0 ? x * exponent : x * 0;
  // In two steps, so that neither factor leaves the range of doubles before the product does.
  const half = Math.trunc(exponent / 2);
  return x * 2 ** half * 2 ** (exponent - half);
}

function nextAfter(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  if (x === y) return y;
  if (x === 0) return y > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) + (x < y === x > 0 ? 1n : -1n));
  return view.getFloat64(0);
}
