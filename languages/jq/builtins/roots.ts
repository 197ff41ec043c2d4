/** The cube root as Go computes it, with the constants of FreeBSD's library. */

const view = new DataView(new ArrayBuffer(8));
const smallestNormal = 2.2250738585072014e-308;

export function cubeRoot(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const size = Math.abs(x);
  let t =
    size < smallestNormal
      ? fromBits(bitsOf(size * 2 ** 54) / 3n + (696219795n << 32n))
      : fromBits(bitsOf(size) / 3n + (715094163n << 32n));
  const s = 0.5428571428571428 + ((t * t) / size) * t;
  t *= 0.35714285714285715 + 1.6071428571428572 / (s + 1.4142857142857144 + -0.7053061224489796 / s);
  // Cut to 22 bits, so that its square is exact.
  t = fromBits((bitsOf(t) & (0xffffffffcn << 28n)) + (1n << 30n));
  const r = size / (t * t);
  t += t * ((r - t) / (t + t + r));
  return x < 0 ? -t : t;
}

function bitsOf(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

function fromBits(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}
