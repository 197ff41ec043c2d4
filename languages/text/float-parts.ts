/** Doubles as fraction and power of two. */

/** A finite number other than zero as a fraction from 0.5 to 1 and a power of two. */
export function split(value: number): { fraction: number; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  const isTiny = Math.abs(value) < 2 ** -1022;
  view.setFloat64(0, isTiny ? value * 2 ** 52 : value);
  const high = view.getUint16(0);
  const exponent = ((high >> 4) & 0x7ff) - 1022 - (isTiny ? 52 : 0);
  view.setUint16(0, (high & 0x800f) | (1022 << 4));
  return { fraction: view.getFloat64(0), exponent };
}

/** `fraction` times a power of two, rounded once. */
export function scaled(fraction: number, exponent: number): number {
  if (fraction === 0 || !Number.isFinite(fraction)) return fraction;
  const parts = split(fraction);
  const total = parts.exponent + exponent;
  if (total > 1024) return fraction < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (total < -1074) return fraction < 0 ? -0 : 0;
  if (total > -1021) return parts.fraction * 2 * 2 ** (total - 1);
  return parts.fraction * 2 ** (total + 53) * 2 ** -53;
}
