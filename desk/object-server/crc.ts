import { crc32 } from "node:zlib";

/** A reflected cyclic redundancy check: its width in bits and its polynomial. */
interface CrcParameters {
  readonly bits: 32n | 64n;
  readonly polynomial: bigint;
}

export type CrcName = "crc32" | "crc32c" | "crc64nvme";

const crcParameters: Readonly<Record<CrcName, CrcParameters>> = {
  crc32: { bits: 32n, polynomial: 0xedb88320n },
  crc32c: { bits: 32n, polynomial: 0x82f63b78n },
  crc64nvme: { bits: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
};

/** A checksum that grows with the data. */
export interface RunningCrc {
  update(data: Uint8Array): void;
  value(): bigint;
}

export function startCrc(name: CrcName): RunningCrc {
  if (name !== "crc32") return new TableCrc(crcParameters[name]);
  let crc = 0;
  return {
    update: (data) => {
      crc = crc32(data, crc);
    },
    value: () => BigInt(crc),
  };
}

export function crcBytes(name: CrcName, value: bigint): Buffer {
  const length = Number(crcParameters[name].bits / 8n);
  return Buffer.from(value.toString(16).padStart(length * 2, "0"), "hex");
}

/** The checksum of two pieces of data one after the other, from the checksum of each and the length of the second. */
export function combineCrc(name: CrcName, first: bigint, second: bigint, secondBytes: number): bigint {
  const parameters = crcParameters[name];
  const one = 1n << (parameters.bits - 1n);
  let shift = one;
  let square = one >> 1n;
  for (let exponent = BigInt(secondBytes) * 8n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) shift = multiply(shift, square, parameters);
    square = multiply(square, square, parameters);
  }
  return multiply(first, shift, parameters) ^ second;
}

/** Product of two polynomials modulo the checksum's own; the highest bit stands for x to the power of 0. */
function multiply(left: bigint, right: bigint, { bits, polynomial }: CrcParameters): bigint {
  let product = 0n;
  let shifted = right;
  for (let bit = bits - 1n; bit >= 0n; bit -= 1n) {
    if ((left >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}

/** Eight bytes a round with eight tables; 64-bit values are kept as two 32-bit halves, since BigInt is far slower. */
class TableCrc implements RunningCrc {
  readonly #wide: boolean;
  readonly #lowTable: Uint32Array;
  readonly #highTable: Uint32Array;
  #low = 0xffffffff;
  #high: number;

  constructor(parameters: CrcParameters) {
    const tables = tablesFor(parameters);
    this.#wide = parameters.bits === 64n;
    this.#lowTable = tables.low;
    this.#highTable = tables.high;
    this.#high = this.#wide ? 0xffffffff : 0;
  }

  update(data: Uint8Array): void {
    const lowTable = this.#lowTable;
    const highTable = this.#highTable;
    const byte = (at: number): number => data[at] as number;
    const entry = (table: Uint32Array, slice: number, index: number): number =>
      table[slice * 256 + (index & 0xff)] as number;
    let low = this.#low;
    let high = this.#high;
    let at = 0;
    for (; at + 8 <= data.length; at += 8) {
      const a = low ^ (byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24));
      const b = high ^ (byte(at + 4) | (byte(at + 5) << 8) | (byte(at + 6) << 16) | (byte(at + 7) << 24));
      low =
        entry(lowTable, 7, a) ^
        entry(lowTable, 6, a >>> 8) ^
        entry(lowTable, 5, a >>> 16) ^
        entry(lowTable, 4, a >>> 24) ^
        entry(lowTable, 3, b) ^
        entry(lowTable, 2, b >>> 8) ^
        entry(lowTable, 1, b >>> 16) ^
        entry(lowTable, 0, b >>> 24);
      if (!this.#wide) continue;
      high =
        entry(highTable, 7, a) ^
        entry(highTable, 6, a >>> 8) ^
        entry(highTable, 5, a >>> 16) ^
        entry(highTable, 4, a >>> 24) ^
        entry(highTable, 3, b) ^
        entry(highTable, 2, b >>> 8) ^
        entry(highTable, 1, b >>> 16) ^
        entry(highTable, 0, b >>> 24);
    }
    for (; at < data.length; at += 1) {
      const index = low ^ byte(at);
      low = (low >>> 8) ^ (high << 24) ^ entry(lowTable, 0, index);
      high = (high >>> 8) ^ entry(highTable, 0, index);
    }
    this.#low = low;
    this.#high = high;
  }

  value(): bigint {
    const low = BigInt(~this.#low >>> 0);
    return this.#wide ? (BigInt(~this.#high >>> 0) << 32n) | low : low;
  }
}

/** Table `n` holds the effect of a byte followed by `n` zero bytes. */
function tablesFor({ polynomial }: CrcParameters): { low: Uint32Array; high: Uint32Array } {
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  const first: bigint[] = [];
  for (let index = 0; index < 256; index += 1) {
    let value = BigInt(index);
    for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    first.push(value);
  }
  for (let index = 0; index < 256; index += 1) {
    let value = first[index] as bigint;
    for (let slice = 0; slice < 8; slice += 1) {
      low[slice * 256 + index] = Number(value & 0xffffffffn);
      high[slice * 256 + index] = Number(value >> 32n);
      value = (value >> 8n) ^ (first[Number(value & 0xffn)] as bigint);
    }
  }
  return { low, high };
}
