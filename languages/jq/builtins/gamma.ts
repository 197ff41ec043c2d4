/** The gamma function as Go computes it, with the coefficients of the Cephes library. */
import { exponential } from "../../text/exponentials.ts";
import { power } from "../../text/power.ts";
import { sine } from "./trigonometry.ts";

const above = [
  0.00016011952247675185, 0.0011913514700658638, 0.010421379756176158, 0.04763678004571372,
  0.20744822764843598, 0.4942148268014971, 1,
];
const below = [
  -2.3158187332412014e-5, 0.0005396055804933034, -0.004456419138517973, 0.011813978522206043,
  0.035823639860549865, -0.23459179571824335, 0.0714304917030273, 1,
];
const stirlingTerms = [
  0.0007873113957930937, -0.00022954996161337813, -0.0026813261780578124, 0.0034722222160545866,
  0.08333333333334822,
];
/** Beyond it Stirling's formula needs its power in two halves. */
const halvedFrom = 143.01608;
const eulerConstant = 0.5772156649015329;

export function gamma(x: number): number {
  if ((Number.isInteger(x) && x < 0) || x === Number.NEGATIVE_INFINITY || Number.isNaN(x)) return Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (x === 0) return 1 / x;
  if (Math.abs(x) > 33) return x >= 0 ? product(stirling(x)) : reflected(-x);
  let z = 1;
  let at = x;
  while (at >= 3) {
    at--;
    z *= at;
  }
  while (at < 2) {
    if (at < 1e-9 && at > -1e-9)
      return at === 0 ? Number.POSITIVE_INFINITY : z / ((1 + eulerConstant * at) * at);
    z /= at;
    at++;
  }
  if (at === 2) return z;
  at -= 2;
  return (
    (z * above.reduce((sum, term) => sum * at + term, 0)) / below.reduce((sum, term) => sum * at + term, 0)
  );
}

/** Of a number below -33, by that of its opposite. */
function reflected(q: number): number {
  let p = Math.floor(q);
  const sign = p % 2 === 0 ? -1 : 1;
  let z = q - p;
  if (z > 0.5) {
    p++;
    z = q - p;
  }
  z = Math.abs(q * sine(Math.PI * z));
  if (z === 0) return sign * Number.POSITIVE_INFINITY;
  const [first, second] = stirling(q);
  const whole = z * first * second;
  return sign * (Number.isFinite(whole) ? Math.PI / whole : Math.PI / z / first / second);
}

/** Two factors, so that neither is too large. */
function stirling(x: number): readonly [number, number] {
  if (x > 200) return [Number.POSITIVE_INFINITY, 1];
  const w = 1 / x;
  const series = 1 + w * stirlingTerms.reduce((sum, term) => sum * w + term, 0);
  const root = 2.5066282746310007;
  if (x <= halvedFrom) return [power(x, x - 0.5) / exponential(x), root * series];
  const half = power(x, 0.5 * x - 0.25);
  return [half, root * series * (half / exponential(x))];
}

function product([first, second]: readonly [number, number]): number {
  return first * second;
}
